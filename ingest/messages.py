"""Reason codes: their catalogue class, severity and the Chinese text that a clerk reads. No text holds a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from edu.codes import seed_rows


@dataclass(frozen=True)
class Reason:
    """One row of the seed `reason_code`."""

    reason_code: str
    class_no: int | None
    severity: str
    message_zh: str
    remedy_zh: str

    def message(self, label: str | None) -> str:
        """Return the sentence for a field, or for the whole row or file."""
        return self.message_zh.replace("{label}", label or "该行")

    def remedy(self, label: str | None) -> str:
        """Return what to do about it."""
        return self.remedy_zh.replace("{label}", label or "该行")


@cache
def reasons() -> dict[str, Reason]:
    """Return all reasons by code."""
    return {
        row["reason_code"]: Reason(
            row["reason_code"],
            int(row["class_no"]) if row["class_no"] else None,
            row["severity"],
            row["message_zh"],
            row["remedy_zh"],
        )
        for row in seed_rows("reason_code")
    }
