"""Periods: `2024-2025/1` (term), `2024-2025` (school year), `FY2024` (fiscal or calendar year), `2024-09-01`."""

from __future__ import annotations

import re
from datetime import date


def start_year(period: str) -> int:
    """Return the year in which a period begins.

    Raises:
        ValueError: the text is no period.
    """
    match = re.match(r"(?:FY)?(\d{4})", period)
    if not match:
        raise ValueError(f"{period!r} is no period")
    return int(match[1])


def default_snapshot(period: str) -> date:
    """Return the date that a period's snapshot speaks of where nobody says another.

    1 September of a school year or first term, 1 March of a second term, 31 December of a fiscal year, the day itself.
    """
    year = start_year(period)
    if period.startswith("FY"):
        return date(year, 12, 31)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", period):
        return date.fromisoformat(period)
    return date(year + 1, 3, 1) if period.endswith("/2") else date(year, 9, 1)
