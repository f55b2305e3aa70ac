"""Progress of the plan equals a second method over the reported rows, in plain Python."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
from tests_city import City

MINIMUM = {"1": Decimal(90), "2": Decimal(80)}


def test_progress_and_lights_equal_the_second_method(seeded_city: City) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select cast(period[3:] as integer), division_code, indicator_code, attribute_code, direction_code, "
            f"baseline_2020, target_2025, actual_value from '{seeded_city.out}/truth/facts/plan_indicator.parquet'"
        ).fetchall()
    expected = {}
    for year, division, code, attribute, direction, baseline, target, actual in rows:
        path = baseline + (target - baseline) * (year - 2020) / 5
        behind = actual < path if direction == "1" else actual > path
        asks = path > baseline if direction == "1" else path < baseline
        progress = (
            Decimal(100) if not behind else Decimal(0) if not asks else 100 * (actual - baseline) / (path - baseline)
        )
        light = "green" if not behind else "yellow" if progress >= MINIMUM[attribute] else "red"
        expected[year, division, code] = (light, target - actual if direction == "1" else actual - target)
    with duckdb.connect(str(seeded_city.home.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select fiscal_year, division_code, indicator_code, light, distance_to_target from analysis.plan_progress"
        ).fetchall()
    assert {row[:3]: row[3:] for row in found} == expected


CUT_OFF = {"mid_term": date(2023, 6, 30), "final": date(2025, 12, 31)}


def test_mid_term_and_final_evaluation_equal_the_second_method(seeded_city: City) -> None:
    """The mid-term rests on years that the offices reported and no school of the city has data of."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select division_code, indicator_code, direction_code, cast(period[3:] as integer), cut_off_date, evidence_no, "
            "baseline_2020, target_2025, actual_value "
            f"from '{seeded_city.out}/truth/facts/plan_indicator.parquet' order by period"
        ).fetchall()
        first = connection.execute(
            f"select min(period) from '{seeded_city.out}/truth/facts/student.parquet'"
        ).fetchone()
    assert first is not None
    expected = {}
    for evaluation, day in CUT_OFF.items():
        for division, code, direction, year, cut_off, evidence, baseline, target, actual in rows:
            # Rows come year by year: the last one in time stays.
            if cut_off <= day:
                distance = target - actual if direction == "1" else actual - target
                path = baseline + (target - baseline) * (year - 2020) / 5
                is_kept = actual >= path if direction == "1" else actual <= path
                result = "reached" if distance <= 0 else "on_path" if evaluation == "mid_term" and is_kept else "behind"
                expected[evaluation, division, code] = (year, actual, cut_off, evidence, distance, result)
    with duckdb.connect(str(seeded_city.home.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select evaluation, division_code, indicator_code, fiscal_year, actual_value, cut_off_date, evidence_no, "
            "distance_to_target, result from analysis.plan_evaluation"
        ).fetchall()
    assert {row[:3]: row[3:] for row in found} == expected
    middle = {row[3] for row in found if row[0] == "mid_term"}
    assert middle == {2022}
    assert int(first[0][:4]) > max(middle)
    assert {row[8] for row in found if row[0] == "mid_term"} >= {"on_path", "behind"}
