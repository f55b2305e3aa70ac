"""Defects of a whole file: encoding, header, titles and totals, broken workbooks, units, dates."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, time, timedelta

from edu.codes import seed_rows
from edu.contract import get_contract
from synthetic.defects.plan import CityTooSmallError, Effects, FilePlan
from synthetic.files import FileSpec

BREAKABLE = ("class", "staff", "student", "campus_facility")
EXPECTED = ("class", "staff", "student")
"""Datasets of many rows that every school is expected to send: the unit is there whatever happens to one row."""
ROWS_OF_A_MERGE = 4
"""Rows whose school is written once in a merged cell; a file split into sheets has at least as many."""
UNREADABLE_SHARE = 0.6
"""Part of class 48 that is a workbook which cannot be opened; the rest is a failed formula in a cell."""


def rejected_kinds(defects: int) -> dict[int, int]:
    """Return how many workbooks are refused, by class."""
    return {8: defects // 2, 48: math.ceil(defects * UNREADABLE_SHARE), 57: defects}


def workbooks_needed(defects: int) -> int:
    """Return how many workbooks the form classes need between them: refused, split in sheets, and ordinary ones."""
    return sum(rejected_kinds(defects).values()) + 4 * defects


def other_header(file: FileSpec, name: str) -> str | None:
    """Return a known header of a field that is not the form's own; null where it has one spelling only."""
    contract = get_contract(file.dataset)
    own = contract.header(file.profile, name)
    return next((alias for alias in contract.field(name).aliases if alias != own), None)


class FormPlanner:
    """Spreads the defects of form over the files of a city, few to a file."""

    def __init__(self, files: list[FileSpec], defects: int, draw: random.Random, effects: Effects) -> None:
        self.n = defects
        self.draw = draw
        self.effects = effects
        self.plans: dict[str, FilePlan] = {}
        self.books = [f for f in files if f.form == "xlsx"]
        self.sheets = [f for f in files if f.form == "csv"]
        self.all_sheets = list(self.sheets)
        draw.shuffle(self.books)
        draw.shuffle(self.sheets)

    def plan(self, file: FileSpec) -> FilePlan:
        """Return the plan of a file, made if there is none."""
        return self.plans.setdefault(file.relative, FilePlan(file))

    def run(self) -> dict[str, FilePlan]:
        """Return plans by file."""
        self._rejected()
        self._workbooks()
        self._csv_files()
        return self.plans

    def _take(self, pool: list[FileSpec], count: int, what: str) -> list[FileSpec]:
        if len(pool) < count:
            raise CityTooSmallError(
                f"{what}: {count} files are needed, {len(pool)} are left; use more terms or schools"
            )
        taken, pool[:] = pool[:count], pool[count:]
        return taken

    def _rejected(self) -> None:
        """Files that are refused: without a column, unreadable, with a password."""
        kinds = [class_no for class_no, count in rejected_kinds(self.n).items() for _ in range(count)]
        pool = [f for f in self.books if f.dataset in BREAKABLE]
        rejected = self._take(pool, len(kinds), "rejected workbooks")
        self.books = [f for f in self.books if f not in rejected]
        for number, (class_no, file) in enumerate(zip(kinds, rejected, strict=True)):
            plan = self.plan(file)
            plan.is_rejected = plan.is_closed = True
            self.effects.units.append((file.dataset, str(file.school_code), file.period))
            if class_no == 8:
                plan.form_classes.add(8)
                plan.header_field = self.draw.choice(get_contract(file.dataset).profiles[file.profile].mandatory)
            else:
                plan.broken = "encrypted" if class_no == 57 else ("truncated", "xls")[number % 2]

    def _workbooks(self) -> None:
        """Workbooks split into sheets stand alone; the other defects of form may share a workbook."""
        pool = [f for f in self.books if f.rows >= ROWS_OF_A_MERGE]
        for file in self._take(pool, self.n, "class 55"):
            plan = self.plan(file)
            plan.form_classes.add(55)
            plan.is_closed = True
        spare = [f for f in self.books if not self.plan(f).is_closed]
        self._share(7, spare, self.n)
        self._share(6, spare, (self.n + 1) // 2)
        self._share(54, [f for f in spare if f.rows >= ROWS_OF_A_MERGE], self.n)
        self._share(58, spare, self.n)
        due = {
            (row["period"], row["dataset"]): date.fromisoformat(row["due_at_city"])
            for row in seed_rows("submission_calendar")
        }
        for file in self._share(
            44, [f for f in spare if (f.period, f.dataset) in due and f.dataset in EXPECTED], self.n
        ):
            self.plan(file).received_at = datetime.combine(due[(file.period, file.dataset)], time(9)) + timedelta(
                days=5
            )
        for number, file in enumerate(self._share(45, [f for f in spare if f.snapshot_date], self.n)):
            assert file.snapshot_date is not None
            self.plan(file).other_snapshot = date(file.snapshot_date.year, (12, 10)[number % 2], 31)

    def _share(self, class_no: int, pool: list[FileSpec], count: int) -> list[FileSpec]:
        """Give a class its files out of a pool that other classes draw from too."""
        own = list(pool)
        self.draw.shuffle(own)
        taken = self._take(own, count, f"class {class_no}")
        for file in taken:
            self.plan(file).form_classes.add(class_no)
        return taken

    def _csv_files(self) -> None:
        n = self.n
        for class_no in (1, 2):
            for file in self._take(self.sheets, n, f"class {class_no}"):
                self.plan(file).form_classes.add(class_no)
        # Registers of schools are few, and the rows of each are wanted by other classes.
        tables = [f for f in self.sheets if f.dataset not in ("campus_facility", "school")]
        for file in self._take(tables, n, "class 53"):
            plan = self.plan(file)
            plan.form_classes.add(53)
            plan.is_closed = True
        self.sheets = [f for f in self.sheets if not self.plan(f).is_closed]
        # Another defect of form may share a file with an encoding, where a small city runs out of files.
        spare = self.sheets + [f for f in self.all_sheets if f not in self.sheets and not self.plan(f).is_closed]
        for file in self._take(spare, n // 2, "class 6"):
            self.plan(file).form_classes.add(6)
        for file in self._take(spare, n - n // 2, "class 8"):
            plan = self.plan(file)
            plan.form_classes.add(8)
            contract = get_contract(file.dataset)
            named = [spec.name for spec in contract.profile_fields(file.profile) if other_header(file, spec.name)]
            plan.header_field = self.draw.choice(named)
