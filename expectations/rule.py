"""What a suite is made of, before Great Expectations sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from edu.codes import seed_rows

Scope = Literal["global", "unit"]
Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Rule:
    """One expectation.

    `kind` is the class of Great Expectations and `arguments` are its arguments. A rule of unit scope is an
    `UnexpectedRowsExpectation` whose query gives dataset, school_code, period, snapshot_date, submission_id and observed
    of each delivery by which a unit fails. Queries return aggregates and codes of institutions, never a person's value.
    """

    name: str
    kind: str
    arguments: dict[str, Any]
    notes: str
    scope: Scope = "global"
    severity: Severity = "critical"


@dataclass(frozen=True)
class Settings:
    """Bounds of one gate, and the day on which it looks."""

    today: date
    bounds: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.bounds[name]


@dataclass(frozen=True)
class Suite:
    """Expectations on one table."""

    gate: str
    table: str
    """schema.table"""
    build: Callable[[Settings], list[Rule]]

    @property
    def name(self) -> str:
        return self.table.replace(".", "_")


def gate_bounds(gate: str, today: date) -> Settings:
    """Return the bounds of a gate that are valid on a day, from the seed `gate_threshold`."""
    bounds: dict[str, float] = {}
    for row in sorted(seed_rows("gate_threshold"), key=lambda item: item["valid_from"]):
        if row["gate"] == gate and date.fromisoformat(row["valid_from"]) <= today:
            bounds[row["threshold"]] = float(row["value"])
    return Settings(today, bounds)


def not_null(column: str, notes: str) -> Rule:
    """Every row has the column."""
    return Rule(f"{column}_present", "ExpectColumnValuesToNotBeNull", {"column": column}, notes)


def unique(columns: list[str], notes: str) -> Rule:
    """The columns together are a key."""
    name = f"{'_'.join(columns)}_unique"
    if len(columns) == 1:
        return Rule(name, "ExpectColumnValuesToBeUnique", {"column": columns[0]}, notes)
    return Rule(name, "ExpectCompoundColumnsToBeUnique", {"column_list": columns}, notes)


def in_set(column: str, values: list[str], notes: str) -> Rule:
    """The column has only these values."""
    return Rule(f"{column}_known", "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values}, notes)


def no_rows(name: str, query: str, notes: str, *, scope: Scope = "global", severity: Severity = "critical") -> Rule:
    """The query, in which {batch} is the table, gives no row."""
    return Rule(name, "UnexpectedRowsExpectation", {"unexpected_rows_query": query}, notes, scope, severity)
