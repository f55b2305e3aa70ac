"""Progress of the plan equals a second method over the reported rows, in plain Python."""

from __future__ import annotations

from decimal import Decimal

import duckdb
from tests_city import City

MINIMUM = {"1": Decimal(90), "2": Decimal(80)}


def test_progress_and_lights_equal_the_second_method(clean_city: City) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select cast(period[3:] as integer), division_code, indicator_code, attribute_code, direction_code, "
            f"baseline_2020, target_2025, actual_value from '{clean_city.out}/truth/facts/plan_indicator.parquet'"
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
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select fiscal_year, division_code, indicator_code, light, distance_to_target from analysis.plan_progress"
        ).fetchall()
    assert {row[:3]: row[3:] for row in found} == expected
