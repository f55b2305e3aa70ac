"""Indicators of vocational and higher education, and the conditions of vocational schools, equal a second method."""

from __future__ import annotations

from indicator_truth import common, teacher, vocational
from tests_city import City


def test_vocational_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, vocational.figures()) == []


def test_conditions_of_vocational_schools_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    truth.execute(f"create table figure as {vocational.conditions()}")
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    differing = truth.execute(
        """
        select * from built.analysis.vocational_condition as mart full join figure
            on mart.school_year = figure.year and mart.school_id = figure.school_id and mart.standard_code = figure.standard
        where mart.school_id is null or figure.school_id is null or mart.division_code <> figure.division_code
            or mart.is_key_school <> figure.is_key or (mart.value is null) <> (figure.value is null)
            or abs(mart.value - figure.value) > 0.000101 or mart.is_met is distinct from figure.is_met
            or (mart.distance = 0) <> figure.is_met
        """
    ).fetchall()
    assert differing == []
    assert {row[0] for row in truth.execute("select distinct is_met from figure").fetchall()} >= {True, False}
