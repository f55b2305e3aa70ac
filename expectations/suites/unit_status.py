"""Confirmation of units: one state each, of the known ones."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, in_set, unique


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    return [
        unique(["dataset", "unit_owner", "period"], "A unit with two states would double the figures joined to it."),
        in_set(
            "data_status",
            ["provisional", "school_confirmed", "county_approved", "official"],
            "A unit that is there is at least provisional.",
        ),
    ]


SUITE = Suite("storage", "storage.unit_status", build)
