"""Means of a public table from version to version: none tells of a change by few, and each is near the truth."""

from __future__ import annotations

import json
from fractions import Fraction

import duckdb
import pytest

from edu.paths import Home
from warehouse.publish import publish, read_changelog
from warehouse.suppression.means import memory_path

FEW = 5
RULE = {
    **{"topic": "ordinary", "value": "value", "verdict": "is_met", "where": "not is_protected and denominator is null"},
    **{"keys": ["indicator_code", "division_code"], "is_share": "unit = '%'", "multiplier": "multiplier"},
    **{"counts": "analysis.indicator_value", "counts_where": "area_level = 'county'"},
    **{"numerator": "numerator", "denominator": "denominator"},
    **{"total": "visualization.indicator_city", "over": "division_code", "total_where": "area_level = 'city'"},
}
Counts = dict[str, tuple[int, int]]
"""Pupils and teachers by county."""
FIRST: Counts = {"a": (9000, 600), "b": (300, 20), "c": (6000, 500)}


def shown(home: Home, counts: Counts, *, indicator: str = "ratio", unit: str = "比") -> dict[str, tuple[float, bool]]:
    """Publish counties and their city; return mean and verdict of each."""
    home.warehouse.unlink(missing_ok=True)
    city = (sum(n for n, _ in counts.values()), sum(d for _, d in counts.values()))
    with duckdb.connect(str(home.warehouse)) as c:
        for schema in ("visualization", "management", "seed", "analysis"):
            c.execute(f"create schema {schema}")
        c.execute(
            "create table seed.suppression_threshold as select 'ordinary' as topic, 5 as threshold, 1 as valid_from"
        )
        c.execute(
            "create table seed.indicator_threshold as select ? as indicator_code, '<=' as comparator", [indicator]
        )
        c.execute(
            "create table analysis.indicator_value(indicator_code text, area_level text, division_code text, "
            "numerator decimal(18, 4), denominator decimal(18, 4))"
        )
        for level, table in (("county", counts), ("city", {"z": city})):
            for division, (n, d) in table.items():
                c.execute(
                    "insert into analysis.indicator_value values (?, ?, ?, ?, ?)", [indicator, level, division, n, d]
                )
            c.execute(
                f"create table visualization.indicator_{level} as select indicator_code, division_code, null::decimal(18, 4) "
                "as denominator, 1 as multiplier, ? as unit, (round(numerator / denominator, 4))::decimal(18, 4) as value, "
                "15.0 as threshold, numerator / denominator <= 15 as is_met, false as is_protected "
                "from analysis.indicator_value where area_level = ?",
                [unit, level],
            )
        c.execute("create table management.suppression_rule(schema_name text, table_name text, rule text)")
        c.execute(
            "insert into management.suppression_rule values ('visualization', 'indicator_county', ?)",
            [json.dumps({"kept_mean": RULE})],
        )
        c.execute(
            "create table management.column_catalog as select schema_name, table_name, column_name, column_index as position, "
            "'' as label_zh, '' as description, 'L1' as level, 'ordinary' as privacy, false as is_volatile, "
            "false as is_pseudonym from duckdb_columns() where schema_name = 'visualization'"
        )
    publish(home)
    with duckdb.connect(str((home.published / "current.duckdb").resolve()), read_only=True) as c:
        rows = c.execute(
            "select division_code, value, is_met from visualization.indicator_county union all "
            "select division_code, value, is_met from visualization.indicator_city"
        ).fetchall()
    return {division: (float(value), is_met) for division, value, is_met in rows}


def mean(n: int, d: int) -> float:
    return round(float(Fraction(n, d)), 4)


def test_the_first_version_is_as_it_is(edu_home: Home) -> None:
    assert shown(edu_home, FIRST) == {
        "a": (15.0, True),
        "b": (15.0, True),
        "c": (12.0, True),
        "z": (mean(15300, 1120), True),
    }
    assert memory_path(edu_home).stat().st_mode & 0o777 == 0o600


def test_a_change_by_few_is_not_told_by_the_county_nor_by_the_city(edu_home: Home) -> None:
    before = shown(edu_home, FIRST)
    # One teacher less in a county, and many in another, which the city has too.
    after = shown(edu_home, FIRST | {"a": (9000, 599), "c": (6000, 480)})
    assert after["a"] == before["a"]
    assert after["c"] == (12.5, True)
    # By hand: the city less what the counties say leaves nothing of the one teacher.
    assert after["z"] == (mean(15300, 1100), True)
    assert read_changelog(edu_home)[-1]["suppression"]["visualization.indicator_county"]["kept"] == 1
    # Since the version that told, the change is by many now.
    later = shown(edu_home, FIRST | {"a": (9000, 590), "c": (6000, 480)})
    assert later["a"] == (mean(9000, 590), False)
    assert later["z"] == (mean(15300, 1090), True)


def test_a_kept_count_stands_beside_a_new_one_only_where_it_is_many(edu_home: Home) -> None:
    shown(edu_home, FIRST)
    after = shown(edu_home, {"a": (9600, 603), "b": (400, 23), "c": (6000, 500)})
    assert after["a"] == (16.0, False)
    # 400 pupils by 20 teachers would be far from the 17.4 that it is, so the mean is that of before.
    assert after["b"] == (15.0, True)
    assert after["z"] == (mean(9600 + 300 + 6000, 1120), True)


def test_of_a_share_few_of_the_rest_are_few_too(edu_home: Home) -> None:
    first: Counts = {"a": (9000, 9100), "b": (8000, 8100)}
    before = shown(edu_home, first, unit="%")
    # Ten more in both, and one less of those who lack.
    after = shown(edu_home, {"a": (9011, 9110), "b": (8000, 8150)}, unit="%")
    assert after["a"] == before["a"]
    assert after["b"] == (mean(8000, 8150), True)


@pytest.mark.parametrize("seed", range(8))
def test_over_versions_no_difference_of_what_a_mean_stands_on_is_few(edu_home: Home, seed: int) -> None:
    """Whoever knows every count but that of one version solves for it: the counts that give the shown means exactly."""
    import random

    random_ = random.Random(seed)
    counts, stood = dict(FIRST), dict(FIRST)
    for _ in range(5):
        values = shown(edu_home, counts)
        for county, (n, d) in counts.items():
            was_n, was_d = stood[county]
            near = {(x, y) for x in {n, was_n} for y in {d, was_d} if abs(mean(x, y) - values[county][0]) < 1e-9}
            assert near, "a mean is of counts that were true at some time"
            now = next((pair for pair in sorted(near) if pair == (was_n, was_d)), min(near))
            for new, old in zip(now, (was_n, was_d), strict=True):
                assert new == old or abs(new - old) >= FEW
            stood[county] = now
        assert values["z"][0] == mean(sum(n for n, _ in stood.values()), sum(d for _, d in stood.values()))
        counts = {
            county: (n + random_.choice([0, 0, 1, -2, 4, 30]), d + random_.choice([0, 0, 1, -1, 3, 9]))
            for county, (n, d) in counts.items()
        }
