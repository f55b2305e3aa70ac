"""Eyesight, lengths of time and moments: every notation that clerks and platforms use, expected by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial

import duckdb
import pytest

from edu.contract import get_contract
from ingest.expression import Cleaned, Steps, with_steps
from ingest.measures import duration, moment, vision

NAKED = get_contract("vision").field("naked_left")
ENDURANCE = get_contract("fitness").field("endurance_s")


def clean(expressions: Callable[[Steps], Cleaned], text: str) -> tuple[object, ...]:
    steps = Steps("field")
    cleaned = expressions(steps)
    rows = with_steps("(select ? as p)", [steps])
    sql = f"select {cleaned.value}, {cleaned.fault}, {cleaned.fix} from ({rows})"
    return duckdb.execute(sql, [text]).fetchall()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.0", (Decimal("5.0"), None, None)),
        ("4.8", (Decimal("4.8"), None, None)),
        ("1.0", (Decimal("5.0"), None, "vision_notation_fixed")),
        ("0.5", (Decimal("4.7"), None, "vision_notation_fixed")),  # log10 0.5 = -0.301
        ("0.1", (Decimal("4.0"), None, "vision_notation_fixed")),
        ("2.5", (None, "out_of_range", None)),
        ("6.1", (None, "out_of_range", None)),
        ("4.8/4.9", (None, "vision_pair", None)),
        ("左4.8右4.9", (None, "value_unreadable", None)),
        ("4.8 4.9", (None, "vision_pair", None)),
        ("-4.8", (None, "value_unreadable", None)),
    ],
)
def test_eyesight(text: str, expected: tuple[object, ...]) -> None:
    assert clean(partial(vision, NAKED, "p"), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("225", (Decimal(225), None, None)),
        ("225.5", (Decimal("225.5"), None, None)),
        ("PT3M45S", (Decimal(225), None, None)),
        ("PT1M", (Decimal(60), None, None)),
        ("3'45\"", (Decimal(225), None, "duration_format_fixed")),
        ("3'45''", (Decimal(225), None, "duration_format_fixed")),
        ("3′45″", (Decimal(225), None, "duration_format_fixed")),
        ("3分45秒", (Decimal(225), None, "duration_format_fixed")),
        ("3:45", (Decimal(225), None, "duration_format_fixed")),
        ("225秒", (Decimal(225), None, "duration_format_fixed")),
        ("3.45", (None, "duration_unclear", None)),
        ("3.75", (None, "out_of_range", None)),
        ("1201", (None, "out_of_range", None)),
        ("PT", (None, "value_unreadable", None)),
        ("快", (None, "value_unreadable", None)),
    ],
)
def test_lengths_of_time(text: str, expected: tuple[object, ...]) -> None:
    assert clean(partial(duration, ENDURANCE, "p"), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-09-01T02:00:00Z", datetime(2024, 9, 1, 10)),
        ("2024-09-01T10:00:00+08:00", datetime(2024, 9, 1, 10)),
        ("2024-09-01T10:00:00+0800", datetime(2024, 9, 1, 10)),
        ("2024-08-31T20:30:00.250-05:30", datetime(2024, 9, 1, 10, 0, 0, 250_000)),
        ("2024-09-01 10:00", datetime(2024, 9, 1, 10)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert clean(partial(moment, "p"), text) == (expected, None, None)


@pytest.mark.parametrize("text", ["2024-09-01", "2024-13-01T10:00:00Z", "yesterday"])
def test_no_moment(text: str) -> None:
    assert clean(partial(moment, "p"), text) == (None, "date_unreadable", None)
