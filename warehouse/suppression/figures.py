"""Cells of linked tables, and the equations between them that every reader knows.

A family is a set of tables that count the same persons. Within one slice (say, one date) two tables are linked by the
attributes that both have: where one is the coarser, each of its cells is a sum of cells of the other; else their sums
over what they share are equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from edu.errors import EduError

CellKey = tuple[str, tuple[tuple[str, str], ...]]
"""Table and (attribute, value) pairs in order of attribute."""


class FiguresDifferError(EduError):
    """Two tables of a family do not count the same persons, so they cannot be protected together."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"suppression: {one} and {other} are declared to count the same persons, but their sums differ. "
            "Correct the models, or give one of them a family of its own."
        )


@dataclass(frozen=True)
class Figures:
    """One table of counts within a slice."""

    table: str
    attributes: tuple[str, ...]
    """Dimensions and the coarser levels that follow from them (stage follows from grade)."""
    cells: dict[CellKey, int]
    is_fixed: bool = False
    """Whether the figures are known in any case and can never be hidden."""


@dataclass
class Slice:
    """All cells of a family that are linked, with their equations."""

    values: dict[CellKey, int] = field(default_factory=dict)
    fixed: set[CellKey] = field(default_factory=set)
    equations: list[dict[CellKey, int]] = field(default_factory=list)
    """Each is a sum of cells with coefficients that is zero."""
    sums: dict[CellKey, list[CellKey]] = field(default_factory=dict)
    """A coarser cell and the finer cells that it is the sum of."""
    unshown: set[CellKey] = field(default_factory=set)
    """What a fixed total has beyond the cells of the finer table: rows that no cell shows."""


def cell_key(table: str, pairs: dict[str, str]) -> CellKey:
    """Return the key of a cell, whatever the order in which its attributes come."""
    return table, tuple(sorted(pairs.items()))


def _groups(figures: Figures, shared: Sequence[str]) -> dict[tuple[str, ...], list[CellKey]]:
    found: dict[tuple[str, ...], list[CellKey]] = {}
    for key in sorted(figures.cells):
        pairs = dict(key[1])
        found.setdefault(tuple(pairs[name] for name in shared), []).append(key)
    return found


def link(tables: Sequence[Figures]) -> Slice:
    """Return the cells of a slice with all equations between its tables.

    Raises:
        FiguresDifferError: sums that must be equal are not.
    """
    whole = Slice()
    ordered = sorted(tables, key=lambda figures: (figures.table, figures.attributes))
    for figures in ordered:
        whole.values.update(figures.cells)
        if figures.is_fixed:
            whole.fixed.update(figures.cells)
    for one, other in itertools.combinations(ordered, 2):
        shared = sorted(set(one.attributes) & set(other.attributes))
        left, right = _groups(one, shared), _groups(other, shared)
        for group in sorted(set(left) | set(right)):
            equation = dict.fromkeys(left.get(group, []), 1)
            equation.update(dict.fromkeys(right.get(group, []), -1))
            rest = sum(whole.values[key] * sign for key, sign in equation.items())
            if rest != 0:
                coarse, fine = (one, other) if rest > 0 else (other, one)
                if not coarse.is_fixed or set(coarse.attributes) != set(shared):
                    raise FiguresDifferError(one.table, other.table)
                key = cell_key(f"{fine.table}/unshown", dict(zip(shared, group, strict=True)))
                whole.values[key] = abs(rest)
                whole.unshown.add(key)
                equation[key] = -1 if rest > 0 else 1
            whole.equations.append(equation)
            for mine, theirs, figures in ((left, right, one), (right, left, other)):
                if len(mine.get(group, [])) == 1 and set(figures.attributes) == set(shared):
                    parts = [*theirs.get(group, []), *(key for key in equation if key in whole.unshown)]
                    whole.sums.setdefault(mine[group][0], parts)
    return whole
