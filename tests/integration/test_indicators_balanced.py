"""Verdicts, gaps and the indicators of assurance and quality equal a second method over the true city."""

from __future__ import annotations

from collections import defaultdict

from indicator_truth import balanced, common
from tests_city import City


def test_assurance_and_quality_equal_the_second_method(clean_city: City) -> None:
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    assert common.figure_differences(clean_city.home.warehouse, truth, balanced.figures()) == []


def test_verdicts_of_schools_and_counties(clean_city: City) -> None:
    seven = balanced.seven(clean_city.out / "truth" / "world")
    schools = {key: balanced.verdict(key[3], indicators) for key, indicators in seven.items()}
    built = balanced.rows(
        clean_city.home.warehouse,
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
        clean_city.home.warehouse,
        "select school_year, division_code, stage, schools, schools_met, cv_met, is_met from analysis.balanced_county_verdict",
    )
    assert {row[:3]: row[3:] for row in built} == expected


def test_gaps_would_close_what_is_missing(clean_city: City) -> None:
    seven = balanced.seven(clean_city.out / "truth" / "world")
    expected = {}
    for key, indicators in seven.items():
        for no, pair in indicators.items():
            lacking = balanced.gap(key[3], no, *pair)
            if lacking > 0:
                expected[*key, no] = (lacking, balanced.gap(key[3], no, *pair, balanced.FLOOR))
    built = balanced.rows(
        clean_city.home.warehouse,
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
        clean_city.home.warehouse,
        "select sum(lacking), sum(schools_lacking) from analysis.balanced_gap_county",
    )
    assert summed == [(sum(row[5] for row in built), len(built))]
