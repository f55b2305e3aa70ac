"""Rows of facts: no more than rows that count, and none where nothing counts."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["dataset", "period"], "One dataset and period is accounted for once."),
        no_rows(
            "no_row_from_nothing",
            "select count(*) as periods from {batch} where rows_fact > rows_counting or rows_in_figures > rows_fact "
            "having count(*) > 0",
            "A join that multiplies rows gives a fact more rows than count; figures then count somebody twice.",
        ),
    ]


SUITE = Suite("publication", "management.row_count_fact", build)
