"""Defects of a whole file: encoding, header, titles and totals, broken workbooks, units, dates."""

from __future__ import annotations

import math
import random
from datetime import date

from edu.contract import get_contract
from synthetic.defects.plan import CityTooSmallError, Effects, FilePlan
from synthetic.files import FileSpec

BREAKABLE = ("class", "staff", "student", "campus_facility")
UNREADABLE_SHARE = 0.6
"""Part of class 48 that is a workbook which cannot be opened; the rest is a failed formula in a cell."""


def workbooks_needed(defects: int) -> int:
    """Return how many workbooks the form classes need between them."""
    return math.ceil(defects * UNREADABLE_SHARE) + defects // 2 + defects + (defects + 1) // 2


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
        """Workbooks that are refused: half a class of headers, most of the class of broken files."""
        n = self.n
        pool = [f for f in self.books if f.dataset in BREAKABLE]
        rejected = self._take(pool, math.ceil(n * UNREADABLE_SHARE) + n // 2, "rejected workbooks")
        self.books = [f for f in self.books if f not in rejected]
        for number, file in enumerate(rejected):
            plan = self.plan(file)
            plan.is_rejected = True
            self.effects.units.append((file.dataset, str(file.school_code), file.period))
            if number < n // 2:
                plan.form_classes.add(8)
                plan.header_field = self.draw.choice(get_contract(file.dataset).profiles[file.profile].mandatory)
            else:
                plan.broken = ("truncated", "encrypted", "xls")[number % 3]

    def _workbooks(self) -> None:
        spare = list(self.books)
        for file in self._take(spare, self.n, "class 7"):
            self.plan(file).form_classes.add(7)
        for file in self._take(spare, (self.n + 1) // 2, "class 6"):
            self.plan(file).form_classes.add(6)
        # A title with another date stands beside any defect of the rows below it.
        dated = [f for f in self.books if f.snapshot_date]
        for number, file in enumerate(self._take(dated, self.n, "class 45")):
            plan = self.plan(file)
            plan.form_classes.add(45)
            assert file.snapshot_date is not None
            plan.other_snapshot = date(file.snapshot_date.year, (12, 10)[number % 2], 31)

    def _csv_files(self) -> None:
        n = self.n
        for class_no in (1, 2):
            for file in self._take(self.sheets, n, f"class {class_no}"):
                self.plan(file).form_classes.add(class_no)
        # Another defect of form may share a file with an encoding, where a small city runs out of files.
        spare = self.sheets + [f for f in self.all_sheets if f not in self.sheets]
        for file in self._take(spare, n // 2, "class 6"):
            self.plan(file).form_classes.add(6)
        for file in self._take(spare, n - n // 2, "class 8"):
            plan = self.plan(file)
            plan.form_classes.add(8)
            contract = get_contract(file.dataset)
            named = [spec.name for spec in contract.profile_fields(file.profile) if spec.aliases]
            plan.header_field = self.draw.choice(named)
