"""Staff at a snapshot: placed and counted once."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, not_null, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        not_null("person_id", "A row without a person cannot be counted once."),
        unique(["person_id", "school_id", "snapshot_date"], "One member of staff is counted once in a school."),
    ]


SUITE = Suite("storage", "storage.fct_staff_snapshot", build)
