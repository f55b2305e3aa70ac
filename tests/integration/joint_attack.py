"""An attack on all public figures of a city at once, which knows nothing of how they were protected.

A series is one figure (numerator, denominator or the rest of an indicator, or a number of pupils) of one stage over
periods and areas. Which series say the same, and which are the sum of two others, is found from the true figures: a
relation that holds wherever the series are known is taken to be known to everybody. With these, the sums over areas and
the total, the exact interval of each hidden small figure is what two linear programs say.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import duckdb
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

CITY = "421000"
LEAST_AREAS = 5
"""In so many cells at least two series must agree, so that a relation is no chance."""
NOT_PARTS = ("scale.gross_enrolment_rate",)
"""Pupils of any age over children of one age: neither holds the other, so their difference is no group of persons."""
TINY = 1e-6
Series = tuple[str, str, str]
"""Source, measure, stage."""
Place = tuple[str, str]
"""Period and area."""
Cell = tuple[int, Series, Place]
"""Release, series, place."""


@dataclass(eq=False)
class Figures:
    """All public figures of one release: what is true, and which of it is shown."""

    true: dict[tuple[Series, Place], int] = field(default_factory=dict)
    shown: dict[tuple[Series, Place], int] = field(default_factory=dict)
    thresholds: dict[Series, int] = field(default_factory=dict)

    def add(self, series: Series, place: Place, true: int | None, shown: int | None, threshold: int) -> None:
        if true is not None:
            self.true[series, place] = true
            self.thresholds[series] = threshold
        if shown is not None:
            self.shown[series, place] = shown


@dataclass(frozen=True)
class Leak:
    """A small figure of which more is told than that it is small."""

    release: int
    series: Series
    place: Place
    value: int
    low: float
    high: float


def read(published: str, warehouse: str) -> Figures:
    """Read the counts of persons of every public table, as published and as they are."""
    found = Figures()
    with duckdb.connect() as c:
        c.execute(f"attach '{published}' as shown (read_only)")
        c.execute(f"attach '{warehouse}' as built (read_only)")
        for year, term, area, stage, true, shown in c.execute(
            "select school_year, term, division_code, stage, t.pupils, s.pupils "
            "from built.visualization.pupils_by_stage_county as t "
            "left join shown.visualization.pupils_by_stage_county as s using (school_year, term, division_code, stage)"
        ).fetchall():
            # An autumn is what everything of a school year is counted at.
            period = year if term == 1 else f"{year}/{term}"
            found.add(("pupils", "pupils", stage), (period, area), true, shown, 5)
        for year, true, shown in c.execute(
            "select school_year, t.value::bigint, s.value::bigint from built.visualization.headline as t "
            "left join shown.visualization.headline as s using (school_year, metric) where metric = 'pupils'"
        ).fetchall():
            found.add(("pupils", "pupils", "every"), (year, CITY), true, shown, 5)
        for table, threshold in (("indicator", 5), ("health", 10)):
            for level in ("county", "city"):
                # True are the figures of the warehouse, also where the public table leaves both counts out.
                rows = c.execute(
                    f"""
                    select indicator_code, period, t.division_code, stage, real.numerator, real.denominator,
                        s.numerator, s.denominator
                    from built.visualization.{table}_{level} as t
                    join built.analysis.indicator_value as real using (indicator_code, period, division_code, stage)
                    left join shown.visualization.{table}_{level} as s using (indicator_code, period, division_code, stage)
                    where real.area_level = '{level}' and real.breakdown = 'all' and t.is_protected
                    """
                ).fetchall()
                for code, period, area, stage, top, whole, shown_top, shown_whole in rows:
                    if top is None or whole is None:
                        continue
                    parts = (("numerator", top, shown_top), ("denominator", whole, shown_whole))
                    rest = None if None in (shown_top, shown_whole) else int(shown_whole - shown_top)
                    wholes = () if code in NOT_PARTS else (("rest", whole - top, rest),)
                    for measure, true, shown in (*parts, *wholes):
                        given = None if shown is None else int(shown)
                        found.add((code, measure, stage), (period, area), int(true), given, threshold)
    return found


def _vectors(figures: Figures) -> dict[Series, dict[Place, int]]:
    found: dict[Series, dict[Place, int]] = defaultdict(dict)
    for (series, place), value in figures.true.items():
        found[series][place] = value
    return found


@cache
def relations(figures: Figures) -> list[list[tuple[Series, int]]]:
    """Return what holds between series wherever all of them are known: each a sum with signs that is zero."""
    vectors = _vectors(figures)
    names = sorted(vectors)
    found: list[list[tuple[Series, int]]] = []
    same: dict[Series, Series] = {}
    for one, other in itertools.combinations(names, 2):
        places = vectors[one].keys() & vectors[other].keys()
        counties = [place for place in places if place[1] != CITY]
        agree = len(counties) >= LEAST_AREAS and all(vectors[one][p] == vectors[other][p] for p in places)
        # Series of noughts agree with each other and tell nothing.
        if agree and any(vectors[one][p] for p in places):
            found.append([(one, 1), (other, -1)])
            same.setdefault(other, same.get(one, one))
    kept = [name for name in names if name not in same]
    places = sorted({place for name in kept for place in vectors[name]})
    column = {place: number for number, place in enumerate(places)}
    matrix = np.full((len(kept), len(places)), np.nan)
    for row, name in enumerate(kept):
        for place, value in vectors[name].items():
            matrix[row, column[place]] = value
    counties = np.array([place[1] != CITY for place in places])
    for a, b in itertools.combinations(range(len(kept)), 2):
        total = matrix[a] + matrix[b]
        known = ~np.isnan(total)
        if (known & counties).sum() < LEAST_AREAS or not np.nanmax(matrix[a]) or not np.nanmax(matrix[b]):
            continue
        difference = matrix - total
        both = ~np.isnan(difference)
        fits = (np.where(both, difference, 0) == 0).all(axis=1) & ((both & counties).sum(axis=1) >= LEAST_AREAS)
        sums = [kept[number] for number in np.flatnonzero(fits) if number not in (a, b)]
        found += [[(whole, 1), (kept[a], -1), (kept[b], -1)] for whole in sums]
    return found


def equations(figures: Figures) -> list[dict[tuple[Series, Place], int]]:
    """Return all equations between cells of a release."""
    vectors = _vectors(figures)
    found: list[dict[tuple[Series, Place], int]] = []
    for relation in relations(figures):
        places = set.intersection(*(set(vectors[series]) for series, _ in relation))
        found += [{(series, place): sign for series, sign in relation} for place in sorted(places)]
    for series, cells in vectors.items():
        for period in {place[0] for place in cells}:
            parts = [place for place in cells if place[0] == period and place[1] != CITY]
            if (period, CITY) in cells and parts and sum(cells[p] for p in parts) == cells[period, CITY]:
                found.append({(series, p): 1 for p in parts} | {(series, (period, CITY)): -1})
        if series[1] == "numerator" and series[0] not in NOT_PARTS:
            code, _, stage = series
            for place in cells:
                found.append(
                    {(series, place): 1, ((code, "rest", stage), place): 1, ((code, "denominator", stage), place): -1}
                )
    pupils = [series for series in vectors if series[0] == "pupils" and series[2] != "every"]
    for place, total in vectors[("pupils", "pupils", "every")].items():
        parts = [(s, p) for s in pupils for p in vectors[s] if p[0] == place[0]]
        if sum(figures.true[part] for part in parts) == total:
            found.append(dict.fromkeys(parts, 1) | {(("pupils", "pupils", "every"), place): -1})
    return found


def _components(rows: Sequence[dict[int, int]], size: int) -> list[list[int]]:
    """Return the equations that hang together by their unknowns."""
    parent = list(range(size))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for row in rows:
        first, *others = row
        for other in others:
            parent[root(other)] = root(first)
    found: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[root(next(iter(row)))].append(number)
    return list(found.values())


def attack(releases: Sequence[Figures]) -> list[Leak]:
    """Return every small figure that is shown or of which all releases together tell more than that it is small.

    Of two releases the attacker even knows which hidden figures did not change.
    """
    unknown: dict[Cell, int] = {}

    def variable(release: int, cell: tuple[Series, Place]) -> int | None:
        """Return the unknown of a cell; one that did not change is the same, and known if it was ever shown."""
        value = releases[release].true[cell]
        first = release
        while first and releases[first - 1].true.get(cell) == value:
            first -= 1
        run = range(first, len(releases))
        for other in itertools.takewhile(lambda n: releases[n].true.get(cell) == value, run):
            if releases[other].shown.get(cell) == value:
                return None
        return unknown.setdefault((first, *cell), len(unknown))

    rows: list[dict[int, int]] = []
    sides: list[float] = []
    for number, release in enumerate(releases):
        for equation in equations(release):
            row: dict[int, int] = {}
            side = 0.0
            for cell, sign in equation.items():
                name = variable(number, cell)
                if name is None:
                    side -= sign * release.true[cell]
                else:
                    row[name] = row.get(name, 0) + sign
            row = {name: sign for name, sign in row.items() if sign}
            if row:
                rows.append(row)
                sides.append(side)
    leaks = []
    wanted: dict[int, tuple[int, Series, Place]] = {}
    for number, release in enumerate(releases):
        for (series, place), value in sorted(release.true.items()):
            if not 0 < value < release.thresholds[series]:
                continue
            name = variable(number, (series, place))
            if name is None:
                leaks.append(Leak(number, series, place, value, value, value))
            else:
                wanted[name] = (number, series, place)
    for component in _components(rows, len(unknown)):
        names = sorted({name for number in component for name in rows[number]})
        asked = [name for name in names if name in wanted]
        if not asked:
            continue
        column = {name: n for n, name in enumerate(names)}
        entries = [(i, column[name], sign) for i, number in enumerate(component) for name, sign in rows[number].items()]
        lines, columns, signs = zip(*entries, strict=True)
        matrix = csr_matrix((np.array(signs, dtype=float), (lines, columns)), shape=(len(component), len(names)))
        side = np.array([sides[number] for number in component])
        for name in asked:
            number, series, place = wanted[name]
            low, high = _ends(matrix, side, column[name])
            threshold = releases[number].thresholds[series]
            if low > 1 + TINY or high < threshold - 1 - TINY:
                leaks.append(Leak(number, series, place, releases[number].true[series, place], low, high))
    return leaks


def _ends(matrix: csr_matrix, side: np.ndarray, column: int) -> Iterable[float]:
    ends = []
    for direction in (1.0, -1.0):
        goal = np.zeros(matrix.shape[1])
        goal[column] = direction
        result = linprog(goal, A_eq=matrix, b_eq=side, bounds=(0, None), method="highs")
        assert result.status in (0, 3), result.message
        # Status 3 is unbounded: the figures set no limit on this side.
        ends.append(direction * result.fun if result.status == 0 else direction * -np.inf)
    return ends
