"""What is overdue: datasets and periods whose due date has passed while units are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from edu.clock import now
from edu.paths import Home
from warehouse import built

DAYS = 60
"""Older due dates were told in their time; a period that nobody will mend is not told every night."""


@dataclass(frozen=True)
class Overdue:
    """Units of a dataset and period that did not come in time, by the bureau that manages them."""

    dataset: str
    period: str
    due_date: date
    days: int
    missing: tuple[tuple[str, int], ...]
    """Bureau and how many of its units are missing."""

    def lines(self) -> list[str]:
        """Return the alert's lines; they do not change while the same units are missing."""
        return [f"应于 {self.due_date} 报齐"] + [f"{org}: {count} 个单位未报" for org, count in self.missing]


def overdue(home: Home, today: date | None = None) -> list[Overdue]:
    """Return what is overdue, in dataset and period order; nothing where nothing was built.

    Raises:
        BusyError: the warehouse is being built.
    """
    if not home.warehouse.exists():
        return []
    day = today or now().date()
    with built.opened(home) as connection:
        rows = connection.execute(
            "select dataset, period, due_date, managing_org, count(*) from management.expected_submission "
            "where status in ('missing', 'rejected') and due_date < ? and due_date >= ? - to_days(?) "
            "group by all order by all",
            [day, day, DAYS],
        ).fetchall()
    found: dict[tuple[str, str, date], list[tuple[str, int]]] = {}
    for dataset, period, due, org, count in rows:
        found.setdefault((dataset, period, due), []).append((org, count))
    return [
        Overdue(dataset, period, due, (day - due).days, tuple(missing))
        for (dataset, period, due), missing in found.items()
    ]
