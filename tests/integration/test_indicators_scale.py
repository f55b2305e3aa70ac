"""Indicators of scale equal a second method over the true facts of the city, at every level and cut."""

from __future__ import annotations

from indicator_truth import common, scale
from tests_city import City


def test_scale_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, scale.figures()) == []
