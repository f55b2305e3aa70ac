"""Indicators of vocational equal a second method over the true facts of the city, at every level and cut."""

from __future__ import annotations

from indicator_truth import common, vocational
from tests_city import City


def test_vocational_equals_the_second_method(clean_city: City) -> None:
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    assert common.figure_differences(clean_city.home.warehouse, truth, vocational.figures()) == []
