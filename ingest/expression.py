"""The SQL expressions that clean one field, and the small parts that they are built from."""

from __future__ import annotations

from dataclasses import dataclass

from edu.contract import FieldSpec
from ingest.readers.table import literal

NOTHING = "cast(null as varchar)"


@dataclass(frozen=True)
class Cleaned:
    """Expressions of one field over the prepared text columns."""

    value: str
    """SQL of the typed value, null where it is missing or faulty."""
    fault: str
    """SQL of the fault's reason code, or null."""
    fix: str
    """SQL of the repair's reason code, or null."""


def cases(*pairs: tuple[str, str]) -> str:
    """Return SQL of the reason code of the first condition that holds."""
    whens = " ".join(f"when {condition} then {literal(reason)}" for condition, reason in pairs)
    return f"case {whens} end" if whens else NOTHING


def outside(field: FieldSpec, number: str) -> str:
    """Return SQL of whether a number lies outside the field's bounds."""
    bounds = []
    if field.minimum is not None:
        bounds.append(f"{number} < {field.minimum:.15g}")
    if field.maximum is not None:
        bounds.append(f"{number} > {field.maximum:.15g}")
    return f"({' or '.join(bounds)})" if bounds else "false"
