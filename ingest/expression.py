"""The SQL expressions that clean one field, and the small parts that they are built from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from edu.contract import FieldSpec
from ingest.readers.table import literal, quoted

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


@dataclass
class Steps:
    """Columns that several expressions of one field share, each over those before it.

    They are columns instead of repeated text because a statement of all fields is planned for every file, however
    small, and its planning takes time by the length of its text and by each pattern in it.
    """

    name: str
    """The field."""
    columns: list[str] = dataclasses.field(default_factory=list)
    """SQL of each step."""

    def add(self, sql: str) -> str:
        """Take a column's SQL, which must be safe for every row; return how expressions call the column."""
        self.columns.append(sql)
        return self._called(len(self.columns))

    def _called(self, number: int) -> str:
        return quoted(f"s{number}_{self.name}")

    def _defined(self) -> list[str]:
        return [f"{sql} as {self._called(number)}" for number, sql in enumerate(self.columns, 1)]


def with_steps(relation: str, every: Iterable[Steps]) -> str:
    """Return a SELECT that gives all of a relation and the steps of its fields."""
    for level in zip_longest(*(steps._defined() for steps in every)):
        relation = f"(select *, {', '.join(filter(None, level))} from {relation})"
    return f"select * from {relation}"


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
