"""Rows of the pages with filters: what is hidden is marked as hidden, whatever hides it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dashboards.cockpit.topics import _figure

SHARE: dict[str, Any] = {
    **{"indicator_code": "i", "period": "2024-2025", "division_code": "421002", "stage": "primary"},
    **{
        "numerator": Decimal(90),
        "denominator": Decimal(100),
        "multiplier": 100,
        "value": None,
        "value_state": "valued",
    },
    **{"threshold": Decimal(95), "is_met": None, "is_protected": True, "is_suppressed": False},
}
MEAN = SHARE | {
    "numerator": None,
    "denominator": None,
    "value": Decimal("12.5"),
    "is_protected": False,
    "is_met": False,
}


@pytest.mark.parametrize(
    ("figure", "value", "state", "met"),
    [
        (SHARE, 90, "", 0),
        (SHARE | {"is_suppressed": True, "numerator": None}, None, "h", None),
        (SHARE | {"numerator": None, "denominator": Decimal(100)}, None, "h", None),
        (MEAN, 12.5, "", 0),
        (MEAN | {"value_state": "partial"}, 12.5, "p", 0),
        (MEAN | {"value": None, "is_met": None, "is_suppressed": True}, None, "h", None),
        # Also where some schools did not report: what is missing is missing because it is hidden.
        (MEAN | {"value": None, "is_met": None, "is_suppressed": True, "value_state": "partial"}, None, "h", None),
        (MEAN | {"value": None, "is_met": None, "value_state": "not_reported"}, None, "n", None),
    ],
)
def test_a_figure_says_why_it_is_not_there(
    figure: dict[str, Any], value: float | None, state: str, met: int | None
) -> None:
    row = _figure(figure, "up")
    assert (row[4], row[5], row[6]) == (value, state, met)
