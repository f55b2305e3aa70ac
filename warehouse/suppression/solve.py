"""Chooses what to hide, so that the exact interval of every small cell contains every small value.

For each small cell two linear programs look for other tables that the published figures allow: one in which the cell
has the value 1 and one in which it has the value t-1. A program may change hidden cells for nothing and visible ones at
a price; the visible ones that it changes are hidden too. The true table plus that change agrees with all that stays
visible, so the interval of the cell, over all figures at once, reaches from 1 to t-1, and hiding more only widens it.

Figures of earlier releases are part of the same programs. A cell whose value did not change since is one variable in
all of them: it can be hidden only where it always was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csc_matrix, hstack

from edu.errors import EduError
from warehouse.suppression.figures import CellKey, Slice

TINY = 1e-7
SUM_PRICE = 20.0
Variable = tuple[CellKey, int]
"""A cell and the release in which it got its value."""


class SuppressionImpossibleError(EduError):
    """A small cell cannot be hidden, because of figures that are known in any case."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"suppression: a small cell of {table} follows from figures that cannot be hidden.")


@dataclass(frozen=True)
class Release:
    """What one release said of a slice: the true values, when each got its value, and what was hidden."""

    values: Mapping[CellKey, int]
    since: Mapping[CellKey, int]
    hidden: frozenset[CellKey]
    equations: Sequence[Mapping[CellKey, int]]


@dataclass
class _Program:
    """The linear program of all releases: one column a variable that is hidden or may be."""

    threshold: int
    values: dict[Variable, int] = field(default_factory=dict)
    hidden: set[Variable] = field(default_factory=set)
    known: set[Variable] = field(default_factory=set)
    rows: list[dict[Variable, int]] = field(default_factory=list)
    coarse: frozenset[CellKey] = frozenset()

    def add(self, release: Release, fixed: set[CellKey], *, is_new: bool) -> None:
        for key, value in release.values.items():
            variable = (key, release.since[key])
            self.values[variable] = value
            if key in release.hidden:
                self.hidden.add(variable)
            elif not is_new or key in fixed:
                self.known.add(variable)
        for equation in release.equations:
            self.rows.append({(key, release.since[key]): sign for key, sign in equation.items()})

    def solve(self) -> None:
        """Hide more until every small cell is protected.

        Raises:
            SuppressionImpossibleError: one cannot be.
        """
        self.hidden -= self.known
        free = sorted(v for v, value in self.values.items() if v not in self.known and value > 0)
        column = {variable: number for number, variable in enumerate(free)}
        matrix = self._matrix(column)
        need = [v for v in free if self.values[v] < self.threshold]
        self.hidden.update(need)
        # The least protected first: what protects a cell of one often protects the others.
        for variable in sorted(need, key=lambda v: (self.values[v], v)):
            for target in (self.threshold - 1, 1):
                if target != self.values[variable]:
                    self._protect(variable, target, free, matrix)

    def _matrix(self, column: dict[Variable, int]) -> csc_matrix:
        entries = sorted({tuple(sorted((column[v], s) for v, s in row.items() if v in column)) for row in self.rows})
        rows = [(number, c, sign) for number, row in enumerate(e for e in entries if e) for c, sign in row]
        count = len([e for e in entries if e])
        if not rows:
            return csc_matrix((0, len(column)))
        lines, columns, signs = zip(*rows, strict=True)
        return csc_matrix((np.array(signs, dtype=float), (lines, columns)), shape=(count, len(column)))

    def _price(self, variable: Variable) -> float:
        """A larger cell is dearer, and a sum of others much more: it is what most readers look for."""
        price: float = 1.0 + self.values[variable] ** 0.5
        return price * SUM_PRICE if variable[0] in self.coarse else price

    def _protect(self, variable: Variable, target: int, free: list[Variable], matrix: csc_matrix) -> None:
        """Find a table in which a cell has a value; hide what differs between it and the truth."""
        # Most cells are protected by what is hidden already, which a much smaller program tells.
        hidden = [n for n, v in enumerate(free) if v in self.hidden]
        everything = list(range(len(free)))
        for least, columns in ((1, hidden), (1, everything), (0, everything)):
            change = self._search(variable, target, [free[n] for n in columns], matrix[:, columns], least)
            if change is not None:
                self.hidden.update(free[n] for n, size in zip(columns, change, strict=True) if size > TINY)
                return
        raise SuppressionImpossibleError(variable[0][0])

    def _search(
        self, variable: Variable, target: int, free: list[Variable], matrix: csc_matrix, least: int
    ) -> np.ndarray | None:
        """Return by how much each variable differs in the cheapest table where one has a value; null: there is none.

        A hidden cell is at least 1 to a reader who knows that zeros are shown; without such a table, at least 0.
        """
        size, number = len(free), free.index(variable)
        value = np.array([self.values[v] for v in free], dtype=float)
        # A number far below the price breaks ties in the order of the keys, so that the choice is always the same.
        price = np.array(
            [0.0 if v in self.hidden else self._price(v) + n * 1e-6 for n, v in enumerate(free)], dtype=float
        )
        goal = target - self.values[variable]
        down, up = value - least, np.full(size, np.inf)
        up[number], down[number] = max(goal, 0), max(-goal, 0)
        low = np.zeros(2 * size)
        low[number], low[size + number] = up[number], down[number]
        found = linprog(
            np.concatenate([price, price]),
            A_eq=hstack([matrix, -matrix], format="csc") if matrix.shape[0] else None,
            b_eq=np.zeros(matrix.shape[0]) if matrix.shape[0] else None,
            bounds=np.column_stack([low, np.concatenate([up, down])]),
            method="highs",
        )
        return np.abs(found.x[:size] - found.x[size:]) if found.status == 0 else None


def protect(now: Slice, threshold: int, earlier: Sequence[Release] = ()) -> Release:
    """Return what to release of a slice.

    `earlier` are all releases of it; values that are equal to the latest release's are taken to be unchanged.

    Raises:
        SuppressionImpossibleError: a small cell cannot be protected.
    """
    number = len(earlier)
    last = earlier[-1] if earlier else None
    since = {
        key: last.since[key] if last and last.values.get(key) == value else number for key, value in now.values.items()
    }
    kept = frozenset(
        key for key in now.values if last and since[key] != number and key in last.hidden and key not in now.fixed
    )
    kept |= now.unshown
    program = _Program(threshold, coarse=frozenset(now.sums))
    for release in earlier:
        program.add(release, set(), is_new=False)
    program.add(Release(now.values, since, kept, now.equations), now.fixed, is_new=True)
    program.solve()
    hidden = frozenset(key for key in now.values if (key, since[key]) in program.hidden)
    return Release(dict(now.values), since, hidden, now.equations)


def settle(now: Slice, threshold: int, last: Release | None) -> tuple[Slice, set[CellKey]]:
    """Return the slice with the values that may be released, and which cells keep an earlier value.

    A finest cell whose change is smaller than the threshold keeps its value, and coarser cells are summed up anew, so
    that no released difference is made of a small one. Where tables are linked that no finer table holds together,
    one small change keeps the whole slice.
    """
    if last is None:
        return now, set()
    finest = [key for key in now.values if key not in now.sums]
    small = {key for key in finest if 0 < abs(now.values[key] - last.values.get(key, 0)) < threshold}
    gone = {key for key, value in last.values.items() if key not in now.values and 0 < value < threshold}
    if not small and not gone:
        return now, set()
    values = (
        dict(now.values) | {key: last.values.get(key, 0) for key in small} | {key: last.values[key] for key in gone}
    )
    waiting = [key for key in now.sums if key in values]
    for _ in range(len(waiting) + 1):
        for key in waiting:
            values[key] = sum(values[part] for part in now.sums[key])
    kept = Slice(values, now.fixed, now.equations, now.sums, now.unshown)
    if gone or any(sum(values[k] * s for k, s in equation.items()) != 0 for equation in now.equations):
        return Slice(dict(last.values), now.fixed & set(last.values), list(map(dict, last.equations)), {}), set(
            last.values
        )
    return kept, small
