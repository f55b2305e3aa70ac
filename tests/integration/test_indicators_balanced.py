"""Verdicts, gaps and the indicators of assurance and quality equal a second method over the true city."""

from __future__ import annotations

from collections import defaultdict

from indicator_truth import balanced, common, teacher
from tests_city import City, mart_differences


def test_assurance_and_quality_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    assert common.figure_differences(seeded_city.home.warehouse, truth, balanced.figures()) == []


def test_the_seven_and_their_spread_equal_the_true_world(seeded_city: City) -> None:
    world = seeded_city.out / "truth" / "world"
    assert {"analysis.balanced_school.csv", "analysis.balanced_county.csv"} <= {file.name for file in world.iterdir()}
    assert mart_differences(seeded_city.home.warehouse, world) == []


def test_verdicts_of_schools_and_counties(seeded_city: City) -> None:
    seven = balanced.seven(seeded_city.out / "truth" / "world")
    schools = {key: balanced.verdict(key[3], indicators) for key, indicators in seven.items()}
    built = balanced.rows(
        seeded_city.home.warehouse,
        "select school_year, division_code, school_id, stage, is_met from analysis.balanced_verdict",
    )
    assert {row[:4]: row[4] for row in built} == schools
    assert set(schools.values()) == {True, False}
    counties: dict[tuple[str, str, str], list[tuple[str, str, str, str]]] = defaultdict(list)
    for key in seven:
        counties[key[0], key[1], key[3]].append(key)
    expected = {}
    for county, keys in counties.items():
        within = [
            balanced.variation(
                [balanced.value_of(no, *seven[key][no]) for key in keys], [seven[key][no][1] for key in keys]
            )
            <= balanced.CV_LIMIT[county[2]]
            for no in range(1, 8)
        ]
        met = sum(schools[key] for key in keys)
        expected[county] = (len(keys), met, sum(within), met == len(keys) and all(within))
    built = balanced.rows(
        seeded_city.home.warehouse,
        "select school_year, division_code, stage, schools, schools_met, cv_met, is_met from analysis.balanced_county_verdict",
    )
    assert {row[:3]: row[3:] for row in built} == expected


def test_gaps_would_close_what_is_missing(seeded_city: City) -> None:
    seven = balanced.seven(seeded_city.out / "truth" / "world")
    expected = {}
    for key, indicators in seven.items():
        for no, pair in indicators.items():
            lacking = balanced.gap(key[3], no, *pair)
            if lacking > 0:
                expected[*key, no] = (lacking, balanced.gap(key[3], no, *pair, balanced.FLOOR))
    built = balanced.rows(
        seeded_city.home.warehouse,
        "select school_year, division_code, school_id, stage, indicator_no, lacking, lacking_to_floor "
        "from analysis.balanced_gap",
    )
    assert {row[:5] for row in built} == set(expected)
    # Numerators of the truth are rounded to four places, which may carry a cent.
    far = [
        row
        for row in built
        if any(abs(float(a) - float(b)) > 0.0101 for a, b in zip(row[5:], expected[row[:5]], strict=True))
    ]
    assert far == []
    summed = balanced.rows(
        seeded_city.home.warehouse,
        "select sum(lacking), sum(schools_lacking) from analysis.balanced_gap_county",
    )
    assert summed == [(sum(row[5] for row in built), len(built))]


def test_requirements_equal_the_second_method(seeded_city: City) -> None:
    truth = common.open_facts(seeded_city.out / "truth" / "facts")
    truth.execute(teacher.prepare())
    values = {row[:3]: row[3] for row in truth.execute(balanced.requirement_values()).fetchall()}
    places = {key[:2] for key in values}
    assert len({county for _, county in places}) == 8
    order = ("not_met", "not_collected", "not_reported", "met", "not_applicable")
    expected, verdicts = {}, defaultdict(list)
    for year, county in places:
        for group, no, measure, code, comparator, standard in balanced.REQUIREMENTS:
            value = values.get((year, county, code))
            if comparator is None or standard is None:
                verdict = "not_collected"
            elif code in balanced.TOO_SHORT:
                verdict = "not_reported"
            elif value is None:
                verdict = "not_applicable"
            else:
                verdict = "met" if (value >= standard if comparator == ">=" else value <= standard) else "not_met"
            expected[year, county, group, no, measure] = (code.partition("/")[0], value, standard, verdict)
            verdicts[year, county, group, no].append(verdict)
    built = balanced.rows(
        seeded_city.home.warehouse,
        "select school_year, division_code, requirement_group, requirement_no, measure_no, indicator_code, value, threshold, "
        "verdict, requirement_verdict from analysis.balanced_requirement",
    )
    assert {row[:5] for row in built} == set(expected)
    for row in built:
        code, value, standard, verdict = expected[row[:5]]
        assert (row[5], row[8]) == (code, verdict), row
        assert (row[6] is None) == (value is None), row
        assert value is None or abs(float(row[6]) - value) < common.ONE_UNIT_OF_ROUNDING, row
        assert (row[7] is None) == (standard is None), row
        assert standard is None or float(row[7]) == standard, row
        assert row[9] == min(verdicts[row[:4]], key=order.index), row
    assert {row[8] for row in built} >= {"met", "not_met", "not_collected", "not_reported"}
    # Each county's list says all 15 and 9 of each year.
    assert {len({row[2:4] for row in built if row[:2] == place}) for place in places} == {24}
