"""Indicators of health equal a second method over the true facts of the city, at every level and cut."""

from __future__ import annotations

from indicator_truth import common, health
from tests_city import City


def test_health_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, health.figures()) == []


def test_cohorts_of_myopia_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    columns = "primary_entry_year, school_year, area_id, judged, myopic, at_risk, newly_myopic"
    expected = truth.execute(f"select {columns} from ({health.cohorts()}) order by all").fetchall()
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    assert truth.execute(f"select {columns} from built.analysis.myopia_cohort order by all").fetchall() == expected
    assert expected


def test_distances_to_targets_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    expected = health.distances(truth)
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    found = truth.execute(
        "select indicator_code, period, area_id, learner_group, plan_code, value, base_value, expected_value, "
        "is_target_met, is_on_path from built.analysis.health_target_progress where value is not null"
    ).fetchall()
    assert {row[:5] for row in found} == set(expected)
    for row in found:
        value, base, path, met, kept = expected[row[:5]]
        for built, true in zip(row[5:8], (value, base, path), strict=True):
            assert (built is None) == (true is None), row
            assert true is None or abs(float(built) - true) < 0.000101, row
        assert row[8] is met, row
        assert row[9] is kept or abs(value - path) < 0.000001, row
    assert {row[9] for row in found} == {True, False, None}
