"""The attack: exact intervals of hidden cells from all figures that were published, over tables and releases at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from warehouse.suppression.figures import CellKey
from warehouse.suppression.solve import Release

TINY = 1e-6


@dataclass(frozen=True)
class Disclosure:
    """A small cell of which the figures tell more than that it is small."""

    release: int
    cell: CellKey
    value: int
    low: float
    high: float


def intervals(releases: Sequence[Release]) -> dict[tuple[int, CellKey], tuple[float, float]]:
    """Return the exact interval of every hidden cell of every release.

    The attacker knows all visible figures and equations, that counts are not negative, and which cells did not change
    between releases.
    """
    unknown: dict[tuple[CellKey, int], int] = {}
    known: dict[tuple[CellKey, int], int] = {}
    for release in releases:
        for key, value in release.values.items():
            if key not in release.hidden:
                known[(key, release.since[key])] = value
    for release in releases:
        for key in sorted(release.hidden):
            variable = (key, release.since[key])
            if variable not in known:
                unknown.setdefault(variable, len(unknown))
    rows, sides = [], []
    for release in releases:
        for equation in release.equations:
            row, side = np.zeros(len(unknown)), 0.0
            for key, sign in equation.items():
                variable = (key, release.since[key])
                if variable in unknown:
                    row[unknown[variable]] += sign
                else:
                    side -= sign * known[variable]
            rows.append(row)
            sides.append(side)
    found: dict[tuple[CellKey, int], tuple[float, float]] = {v: (float(n), float(n)) for v, n in known.items()}
    for variable, number in unknown.items():
        ends = []
        for direction in (1.0, -1.0):
            goal = np.zeros(len(unknown))
            goal[number] = direction
            result = linprog(goal, A_eq=np.array(rows) if rows else None, b_eq=sides or None, bounds=(0, None))
            # Status 3 is unbounded: the figures set no limit on this side.
            ends.append(direction * result.fun if result.status == 0 else direction * -np.inf)
        found[variable] = (ends[0], ends[1])
    return {
        (number, key): found[(key, release.since[key])]
        for number, release in enumerate(releases)
        for key in sorted(release.hidden)
    }


def attack(releases: Sequence[Release], threshold: int) -> list[Disclosure]:
    """Return every small cell that is shown, or whose interval does not contain all of 1 to threshold - 1."""
    ranges = intervals(releases)
    found = []
    for number, release in enumerate(releases):
        for key, value in sorted(release.values.items()):
            if not 0 < value < threshold:
                continue
            low, high = ranges.get((number, key), (float(value), float(value)))
            if low > 1 + TINY or high < threshold - 1 - TINY:
                found.append(Disclosure(number, key, value, low, high))
    return found
