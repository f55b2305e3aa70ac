"""Indicators of health equal a second method over the true facts of the city, at every level and cut."""

from __future__ import annotations

from indicator_truth import common, health
from tests_city import City


def test_health_equals_the_second_method(clean_city: City) -> None:
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    assert common.figure_differences(clean_city.home.warehouse, truth, health.figures()) == []


def test_cohorts_of_myopia_equal_the_second_method(clean_city: City) -> None:
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    columns = "primary_entry_year, school_year, area_id, judged, myopic, at_risk, newly_myopic"
    expected = truth.execute(f"select {columns} from ({health.cohorts()}) order by all").fetchall()
    truth.execute(f"attach '{clean_city.home.warehouse}' as built (read_only)")
    assert truth.execute(f"select {columns} from built.analysis.myopia_cohort order by all").fetchall() == expected
    assert expected
