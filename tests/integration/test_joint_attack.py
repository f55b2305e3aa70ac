"""The exact attack over all public figures of a city together, and over two releases of it, finds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from joint_attack import CITY, Figures, attack, read, relations
from tests_city import City

from warehouse.publish import current_file, publish

pytestmark = pytest.mark.slow
MOVED = 12
"""Pupils more in one grade at the second release: enough to be told, beside small changes that are not."""


@dataclass(frozen=True)
class Release:
    """A published version, and the warehouse that it was published from."""

    published: str
    warehouse: str


@pytest.fixture(scope="module")
def versions(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> list[Release]:
    """Two published versions of the clean city; between them few figures changed, by few and by many."""
    city = clean_city.copy(tmp_path_factory.mktemp("attack"))
    found = []
    for number in (1, 2):
        if number == 2:
            change(city.home.warehouse)
        assert publish(city.home).is_new
        kept = tmp_path_factory.mktemp("release") / f"{number}.duckdb"
        kept.write_bytes(city.home.warehouse.read_bytes())
        found.append(Release(str(current_file(city.home).resolve()), str(kept)))
    return found


@pytest.fixture(scope="module")
def releases(versions: list[Release]) -> list[Figures]:
    """Their public figures, as published and as they are."""
    return [read(version.published, version.warehouse) for version in versions]


def change(warehouse: Path) -> None:
    """Change public figures as a late correction would: one pupil here, many there, a share by two."""
    with duckdb.connect(str(warehouse)) as c:
        year = c.execute("select max(school_year) from visualization.pupils_by_stage_county").fetchone()[0]  # type: ignore[index]
        for division, stage, more in (
            ("421024", "primary", 1),
            ("421022", "junior", MOVED),
            ("421081", "preschool", 3),
        ):
            c.execute(
                "update visualization.pupils_by_stage_county set pupils = pupils + ? "
                "where school_year = ? and term = 1 and division_code = ? and stage = ?",
                [more, year, division, stage],
            )
        c.execute(
            "update visualization.headline set value = value + ? where metric = 'pupils' and school_year = ?",
            [4 + MOVED, year],
        )
        for table in ("visualization.indicator", "visualization.health"):
            code = c.execute(
                f"select min(indicator_code) from {table}_county where is_protected and stage <> 'all' "
                "and numerator > 30 and denominator - numerator > 30 and division_code = '421022'"
            ).fetchone()
            for more, division in ((2, "421022"), (MOVED, "421081")):
                for place in (division, CITY):
                    for name, area in (
                        (f"{table}_county", place),
                        (f"{table}_city", place),
                        ("analysis.indicator_value", place),
                    ):
                        rule = (
                            "and breakdown = 'all' and area_level in ('county', 'city')" if "analysis" in name else ""
                        )
                        c.execute(
                            f"update {name} set numerator = numerator + ? where indicator_code = ? and division_code = ? "
                            f"and stage = 'primary' and denominator - numerator > 30 {rule}",
                            [more, code[0] if code else "", area],
                        )
        c.execute("checkpoint")


def test_the_attack_is_strong(releases: list[Figures]) -> None:
    """It finds the relations that a reader of the definitions would use, and what a careless version tells."""
    known = {tuple(sorted(series for series, _ in relation)) for relation in relations(releases[0])}
    assert any(len(relation) == 3 for relation in known)
    assert any({series[0] for series in relation} >= {"pupils"} and len(relation) == 2 for relation in known)
    small = [
        (cell, value)
        for cell, value in releases[0].true.items()
        if 0 < value < releases[0].thresholds[cell[0]] and cell not in releases[0].shown
    ]
    assert len(small) > 50
    # A version that hides small figures and nothing else is broken into.
    careless = Figures(dict(releases[0].true), {}, dict(releases[0].thresholds))
    careless.shown = {
        cell: value for cell, value in careless.true.items() if not 0 < value < careless.thresholds[cell[0]]
    }
    assert len(attack([careless])) > 20


def test_all_public_figures_of_a_version_together_tell_nothing_small(releases: list[Figures]) -> None:
    assert len(releases[0].shown) > 500
    assert attack(releases[:1]) == []


def test_two_releases_together_tell_nothing_small(releases: list[Figures]) -> None:
    assert releases[0].true != releases[1].true
    assert attack(releases) == []


def test_no_mean_of_few_is_shown(versions: list[Release]) -> None:
    """A mean has its number of persons from another figure: one over few persons, or with few, is not shown."""
    with duckdb.connect() as c:
        c.execute(f"attach '{versions[0].published}' as shown (read_only)")
        c.execute(f"attach '{versions[0].warehouse}' as built (read_only)")
        mean = (
            "join built.analysis.indicator_value as real using (indicator_code, period, division_code, stage) "
            "join built.seed.indicator as rule using (indicator_code) "
            "left join built.seed.indicator_counted as counted using (indicator_code) "
            "where real.breakdown = 'all' and not public.is_protected and counted.counted is null and rule.combine in ('ratio', 'area')"
        )
        few = "(real.numerator between 1 and 4 or real.denominator between 1 and 4)"
        assert c.execute(
            f"select count(*) from shown.visualization.indicator_county as public {mean} and real.area_level = 'county' "
            f"and {few} and public.value is not null"
        ).fetchone() == (0,)
        hidden = c.execute(
            f"select distinct indicator_code, period, stage from shown.visualization.indicator_county as public {mean} "
            f"and real.area_level = 'county' and {few}"
        ).fetchall()
        assert hidden
        for code, period, stage in hidden:
            assert c.execute(
                "select count(value) from shown.visualization.indicator_city where indicator_code = ? and period = ? and stage = ?",
                [code, period, stage],
            ).fetchone() == (0,)
