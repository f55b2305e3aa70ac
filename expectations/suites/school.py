"""Schools: each with a division that judges it and a kind that says its stages."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows, not_null, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["school_id", "period"], "One school a term; two would double its pupils."),
        not_null("school_kind_code", "Without its kind a school has no stages and no weights."),
        no_rows(
            "division_known",
            "select count(*) as schools from {batch} where division_code is not null "
            "and evaluated_division_code is null having count(*) > 0",
            "A division that the seed does not have drops a school out of every county.",
        ),
    ]


SUITE = Suite("storage", "storage.dim_school", build)
