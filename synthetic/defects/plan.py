"""What a plan of defects is made of: the ledger's rows, changes of cells, and what they do to the figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from synthetic.files import FileSpec, Row
from synthetic.world import World


class CityTooSmallError(ValueError):
    """The city has too few files or rows for so many defects."""


@dataclass(frozen=True)
class LedgerEntry:
    """One row of `truth/defects.csv`."""

    file: str
    sheet: str | None
    row_number: int | None
    field: str | None
    class_no: int
    expected: str
    expected_in: str = "collection.finding"


@dataclass
class CellEdit:
    """One defect in one row."""

    class_no: int
    row: int
    field: str | None
    value: object
    expected: str
    others: dict[str, object] = dataclasses.field(default_factory=dict)
    """Other cells of the row that change with it."""
    expected_in: str = "collection.finding"
    is_dropped: bool = False
    is_unit_lost: bool = False
    """The figures of the school's unit are unknown while the row is missing."""
    reported: dict[str, object] = dataclasses.field(default_factory=dict)
    """Values that the figures are made of while the defect stands, by field."""
    is_copy: bool = False
    """The row stands a second time at the end of the file, with what `others` says changed."""
    is_split: bool = False
    """The field's value is written without quotes though it holds a comma: the record has one cell more."""
    is_hidden: bool = False
    """The row is hidden in its sheet, and otherwise as it was."""
    is_listed: bool = True
    """Whether the ledger has the row; rows that only make a defect of another one are not listed."""


@dataclass(frozen=True)
class UnitColumn:
    """A column whose header names another unit, in which its figures are."""

    class_no: int
    dataset: str
    field: str
    suffix: str
    """What the header has after its own text."""
    write: Callable[[object], object]
    """Brings a figure of the form's unit to the other one."""


@dataclass
class FilePlan:
    """All that is done to one file."""

    file: FileSpec
    form_classes: set[int] = dataclasses.field(default_factory=set)
    header_field: str | None = None
    unit: UnitColumn | None = None
    """A column that is written in another unit than the form's."""
    received_at: datetime | None = None
    """When the file arrives, where that is not the usual time."""
    other_snapshot: date | None = None
    """Date that the title row says instead of the true one."""
    is_rejected: bool = False
    is_closed: bool = False
    """No row of the file is changed, because it is rejected or its rows stand elsewhere than in others."""
    broken: str | None = None
    """How the file is made unreadable: truncated, encrypted, xls."""
    edits: list[CellEdit] = dataclasses.field(default_factory=list)
    kept_rows: set[int] = dataclasses.field(default_factory=set)
    """Rows that must stay as they are, because a defect of another row rests on them."""

    @property
    def used_rows(self) -> set[int]:
        return {edit.row for edit in self.edits} | self.kept_rows

    @property
    def is_touched(self) -> bool:
        return bool(self.edits or self.form_classes or self.broken or self.unit)


@dataclass
class Effects:
    """What the defects do to the figures until they are mended."""

    students: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Pupils missing in a period."""
    staff: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Staff missing in a period."""
    units: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    """Dataset, school and period of which nothing is known."""
    guests: list[tuple[str, str, str, str]] = dataclasses.field(default_factory=list)
    """Dataset, person, a person of the second school in which the first is counted too, and period."""
    values: list[tuple[str, str, str, str, str | None]] = dataclasses.field(default_factory=list)
    """Dataset, person or school, period, field, and the value reported in place of the true one."""


@dataclass(frozen=True)
class Scene:
    """Where a defect is to be put."""

    world: World
    file: FileSpec
    names: list[str]
    rows: list[Row]

    def count(self, name: str, value: object) -> int:
        """Return how many rows of the file have a value in a field."""
        column = self.names.index(name)
        return sum(row[column] == value for row in self.rows)


Maker = Callable[[Scene, dict[str, object], int], CellEdit | None]
"""Makes the n-th defect of a class in a row given by field, or says that this row cannot have it."""


@dataclass(frozen=True)
class RowClass:
    """How one class is put into rows."""

    class_no: int
    datasets: tuple[str, ...]
    make: Maker
    forms: tuple[str, ...] = ("csv", "xlsx")
    is_rare: bool = False
    """Few rows can have it: all of a file's are looked at."""
    share: float = 1.0
    """Part of the class's injections that stand in rows; the others are of a file's form."""
    compared_with: str | None = None
    """Dataset that must have come of the row's school: without it nobody can tell that the row is wrong."""


def birth_of(row: dict[str, object]) -> date:
    """Return a row's date of birth."""
    text = str(row["birth_date"]).replace("-", "")
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def written(file: FileSpec, day: date) -> str:
    """Return a date as the form writes it."""
    return day.isoformat() if file.form == "xlsx" else day.strftime("%Y%m%d")
