"""Indicators of preschool education equal a second method over the true facts, and so do the counties' verdicts."""

from __future__ import annotations

from indicator_truth import common, preschool
from tests_city import City


def test_preschool_equals_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, preschool.figures()) == []


def test_counties_are_judged_with_their_zones(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(f"create table verdict as {preschool.county_verdicts()}")
    truth.execute(f"attach '{seeded_city.home.warehouse}' as built (read_only)")
    differing = truth.execute(
        """
        select * from (
            select * from built.analysis.preschool_county where indicator_code like 'preschool.%'
        ) as mart full join verdict on mart.school_year = verdict.school_year
            and mart.division_code = verdict.division_code and mart.indicator_code = verdict.indicator_code
        where mart.value is null or verdict.value is null or abs(mart.value - verdict.value) > 0.000101
            or mart.is_met <> verdict.is_met or (mart.distance >= 0) <> verdict.is_met
        """
    ).fetchall()
    assert differing == []
    row = truth.execute("select count(*), count(distinct division_code) from verdict").fetchone()
    assert row is not None
    assert row[0] > 100
    assert row[1] == 8
