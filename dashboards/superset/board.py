"""Boards as code: what `boards/*.yml` may say, checked when it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edu.errors import EduError, ExitCode
from edu.settings import PROJECT_ROOT

FOLDER = Path(__file__).with_name("boards")
KINDS = ("number", "bar", "stacked", "line", "pie", "table", "cross")


class BoardError(EduError):
    """A file of a board cannot be taken."""

    exit_code = ExitCode.USAGE

    def __init__(self, file: str, text: str) -> None:
        super().__init__(f"dashboards/superset/boards/{file}: {text}")


class Measure(BaseModel):
    """What a chart shows: a metric of the registry, or one aggregate of a column."""

    model_config = ConfigDict(extra="forbid")

    metric: str | None = None
    """Code in `vars.metrics`; its relation is the chart's table."""
    sum: str | None = None
    max: str | None = None
    count: str | None = None
    """Column whose different values are counted."""
    share: tuple[str, str] | None = None
    """Part and whole, both columns; in percent."""
    label: str | None = None
    """Chinese name; a sum or a maximum takes the label of its column."""

    @model_validator(mode="after")
    def _is_one(self) -> Measure:
        given = [name for name in ("metric", "sum", "max", "count", "share") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a measure is one of metric, sum, max, count, share")
        if given[0] in ("count", "share") and self.label is None:
            raise ValueError(f"a {given[0]} needs a label")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that it reads; those of a metric follow from the registry."""
        return tuple(name for name in (self.sum, self.max, self.count, *(self.share or ())) if name)


class Chart(BaseModel):
    """One chart of a board."""

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: str
    table: str
    """`schema.table` of the serving."""
    measures: list[Measure] = Field(default_factory=list)
    by: list[str] = Field(default_factory=list)
    """Columns of the axis or the rows; of a `table` without measures all columns that are shown."""
    series: list[str] = Field(default_factory=list)
    groups: list[str] | None = None
    """Groups of roles that have it; null: all of the board's."""
    is_newest: bool = False
    """Whether only the newest year counts."""
    where: dict[str, Any] = Field(default_factory=dict)
    order: list[str] = Field(default_factory=list)
    """Columns or measure labels by which the rows are ordered; `-` before one turns it round."""
    limit: int = 1_000
    width: int = 6
    """Of twelve."""
    height: int = 50
    """In units of eight pixels."""

    @model_validator(mode="after")
    def _fits(self) -> Chart:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind} is none of {', '.join(KINDS)}")
        if not self.measures and self.kind != "table":
            raise ValueError("only a table may be without a measure")
        if self.kind in ("bar", "stacked", "line", "pie") and len(self.by) != 1:
            raise ValueError(f"a {self.kind} has one axis")
        return self


class Board(BaseModel):
    """One dashboard, made for every role of its groups."""

    model_config = ConfigDict(extra="forbid")

    slug: str
    title: str
    groups: list[str]
    """Groups of roles: bureau, county, public."""
    filters: list[str] = Field(default_factory=list)
    """Columns by which a reader may cut all charts."""
    charts: list[Chart]


@dataclass(frozen=True)
class Metric:
    """One metric of the registry (ADR 0015)."""

    code: str
    name: str
    unit: str
    table: str
    numerator: str
    denominator: str | None = None
    multiplier: int = 1
    filter: str = "true"
    dimensions: tuple[str, ...] = field(default=())

    @property
    def expression(self) -> str:
        """Return the metric in SQL that PostgreSQL and DuckDB read alike."""
        top = f"sum({self.numerator}) filter (where {self.filter})"
        if self.denominator is None:
            return top
        return f"{self.multiplier}.0 * {top} / nullif(sum({self.denominator}) filter (where {self.filter}), 0)"


def read_boards(folder: Path = FOLDER) -> list[Board]:
    """Return all boards in order of their files.

    Raises:
        BoardError: a file says what a board does not know.
    """
    boards = []
    for path in sorted(folder.glob("*.yml")):
        try:
            boards.append(Board.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except ValidationError as error:
            raise BoardError(path.name, "; ".join(f"{e['loc']}: {e['msg']}" for e in error.errors())) from None
    return boards


@cache
def read_metrics() -> tuple[Metric, ...]:
    """Return the registry of metrics as `dbt_project.yml` holds it."""
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    return tuple(
        Metric(
            known["metric"],
            known["name"],
            known["unit"],
            known["relation"].replace("qry_", "query.", 1),
            known["numerator"],
            known.get("denominator"),
            known.get("multiplier", 1),
            known.get("filter", "true"),
            tuple(known["dimensions"]),
        )
        for known in project["vars"]["metrics"]
    )
