"""Rows from file to warehouse: what was accepted is counting, held, waiting, withdrawn, superseded or repeated."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["submission_id"], "One submission is accounted for once."),
        no_rows(
            "rows_accounted_for",
            "select count(*) as submissions from {batch} where rows_read <> rows_accepted + rows_quarantined "
            "or rows_accepted <> rows_counting + rows_held + rows_waiting + rows_withdrawn + rows_superseded + rows_repeated "
            "having count(*) > 0",
            "An accepted row that is in none of these places was lost on the way.",
        ),
    ]


SUITE = Suite("publication", "management.row_count_flow", build)
