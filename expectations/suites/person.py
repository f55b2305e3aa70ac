"""Persons: each key leads to one person."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, not_null, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["evidence_key"], "A key that leads to two persons counts its rows twice."),
        not_null("person_id", "A key that leads to nobody drops its rows."),
    ]


SUITE = Suite("storage", "storage.map_person", build)
