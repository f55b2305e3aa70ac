"""Periods of all four shapes: the year they begin in, the date that their snapshot speaks of."""

from __future__ import annotations

from datetime import date

import pytest

from edu.periods import default_snapshot, start_year


@pytest.mark.parametrize(
    ("period", "year", "snapshot"),
    [
        ("2024-2025/1", 2024, date(2024, 9, 1)),
        ("2024-2025/2", 2024, date(2025, 3, 1)),
        ("2024-2025", 2024, date(2024, 9, 1)),
        ("FY2024", 2024, date(2024, 12, 31)),
        ("2024-09-15", 2024, date(2024, 9, 15)),
    ],
)
def test_a_period_says_its_year_and_snapshot(period: str, year: int, snapshot: date) -> None:
    assert (start_year(period), default_snapshot(period)) == (year, snapshot)


def test_no_period_is_refused() -> None:
    with pytest.raises(ValueError, match="autumn"):
        start_year("autumn")
