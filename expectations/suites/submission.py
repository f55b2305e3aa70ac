"""Receipts: complete, consistent, and one a submission."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, in_set, no_rows, not_null, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["submission_id"], "One receipt a submission; two would count its rows twice."),
        not_null("contract_digest", "A landing without its contract cannot be replayed."),
        in_set(
            "status",
            ["accepted", "partly_accepted", "rejected", "held"],
            "Another status is one that nothing downstream knows.",
        ),
        no_rows(
            "rows_add_up",
            "select count(*) as receipts from {batch} where rows_read <> rows_accepted + rows_quarantined "
            "having count(*) > 0",
            "Every row read is accepted or quarantined: nothing is lost (design, section 5).",
        ),
        no_rows(
            "one_key",
            "select count(distinct key_fingerprint) as keys from {batch} having count(distinct key_fingerprint) > 1",
            "Pseudonyms of two keys do not join: a person would be counted twice.",
        ),
    ]


SUITE = Suite("collection", "collection.submission", build)
