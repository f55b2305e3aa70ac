"""Chooses where the defects stand, always the same for the same city."""

from __future__ import annotations

import math
import random

from edu.contract import get_contract
from synthetic.defects.forms import FormPlanner
from synthetic.defects.identity import IDENTITY_CLASSES, shared_value
from synthetic.defects.linking import CASE, GUEST_CLASSES, LINKING_CLASSES, GuestClass, find_guest
from synthetic.defects.measures import MEASURE_CLASSES, UNIT_COLUMNS, bare_unit
from synthetic.defects.plan import CellEdit, CityTooSmallError, Effects, FilePlan, RowClass, Scene, UnitColumn
from synthetic.defects.registry import REGISTRY_CLASSES
from synthetic.defects.values import VALUE_CLASSES
from synthetic.files import FileSpec, Row, fetch_rows
from synthetic.more import MoreFile, fetch_more
from synthetic.world import World

ROW_CLASSES = (*IDENTITY_CLASSES, *LINKING_CLASSES, *VALUE_CLASSES, *REGISTRY_CLASSES, *MEASURE_CLASSES)
FORM_CLASSES = (1, 2, 6, 7, 8, 44, 45, 53, 54, 55, 57, 58)
SHARED_CLASS = 42
SHARED_ROWS = 12
SHARED = (("guardian_phone", SHARED_ROWS), ("guardian_id_number", 8), ("guardian_id_number", 1))
"""Field and rows of one file that have one value, above the contract's limits; one row has the pupil's own number."""
BARE_UNIT_CLASS, BARE_UNIT_DATASET = 34, "campus_facility"
BARE_UNIT_PART = 5
"""One of so many figures in another unit says nothing of it, and shows only beside last year's."""
CLASSES = tuple(
    sorted(
        {
            *FORM_CLASSES,
            SHARED_CLASS,
            *(spec.class_no for spec in ROW_CLASSES),
            *(spec.class_no for spec in GUEST_CLASSES),
        }
    )
)
ROW_FILE_MAXIMUM = 6_000
"""Rows are changed in files of at most this many rows, so that a large city needs no more memory."""
LEAST_FILES = 2
"""Where a city has fewer files of a dataset within that bound, its smallest ones are taken whatever their size; a class
of which each file takes one defect has at least as many files."""
FIGURED = ("school", "campus_facility", "class", "staff", "student")
"""Datasets that the figures of the truth are made of."""
TRIES = 12
"""Rows of a file that are looked at before the next file."""


def _fields(file: FileSpec) -> list[str]:
    return [spec.name for spec in get_contract(file.dataset).profile_fields(file.profile)]


class Injector:
    """Plans N defects a class over the files of a city."""

    def __init__(self, world: World, files: list[FileSpec], more: list[MoreFile], defects: int) -> None:
        self.world = world
        self.files: list[FileSpec] = [*files, *more]
        self.n = defects
        self.draw = random.Random(f"{world.seed}/defects")
        self.plans: dict[str, FilePlan] = {}
        self.effects = Effects()
        self._rows: dict[str, tuple[list[Row], list[str | None]]] = {}
        self._in_cases: set[tuple[int, str]] = set()
        """Class and person: a person has one case of a kind at a school, in however many terms it shows."""
        if defects:
            self.plans = FormPlanner(files, defects, self.draw, self.effects).run()
            for column in UNIT_COLUMNS:
                share = next(spec.share for spec in ROW_CLASSES if spec.class_no == column.class_no)
                self._write_in_other_unit(column, math.ceil(defects * (1 - share)))
            bare = self._write_without_unit(defects // BARE_UNIT_PART)
            self._share_guardians()
            for spec in GUEST_CLASSES:
                for number in range(defects):
                    self._invite(spec, number)
            for row_spec in ROW_CLASSES:
                elsewhere = math.ceil(defects * (1 - row_spec.share))
                elsewhere += bare if row_spec.class_no == BARE_UNIT_CLASS else 0
                for number in range(defects - elsewhere):
                    self._inject(row_spec, number)

    def rows(self, file: FileSpec) -> tuple[list[Row], list[str | None]]:
        """Return a file's clean rows in code form and their persons, read once."""
        if file.relative not in self._rows:
            if isinstance(file, MoreFile):
                rows = fetch_more(self.world, file)
                self._rows[file.relative] = rows, [None] * len(rows)
            else:
                self._rows[file.relative] = fetch_rows(self.world, file)
        return self._rows[file.relative]

    def _plan(self, file: FileSpec) -> FilePlan:
        return self.plans.setdefault(file.relative, FilePlan(file))

    def _scene(self, file: FileSpec) -> Scene:
        return Scene(self.world, file, _fields(file), self.rows(file)[0])

    def _pool(self, dataset: str, forms: tuple[str, ...], least: int = LEAST_FILES) -> list[FileSpec]:
        """Return the files of a dataset whose rows may be changed, at least so many if there are, in a drawn order."""
        files = [f for f in self.files if f.dataset == dataset and f.form in forms]
        pool = [f for f in files if f.rows <= ROW_FILE_MAXIMUM]
        if len(pool) < least:
            pool = sorted(files, key=lambda f: (f.rows, f.relative))[:least]
        self.draw.shuffle(pool)
        return pool

    def _smallest_with(self, name: str, pool: list[FileSpec]) -> list[FileSpec]:
        """Return the smallest files of pupils that a pool lacks of those with a field: in a large city all may be large."""
        lacking = LEAST_FILES - sum(name in _fields(file) for file in pool)
        others = [f for f in self.files if f.dataset == "student" and name in _fields(f) and f not in pool]
        others = [f for f in others if not self._plan(f).is_closed and f.rows > ROW_FILE_MAXIMUM]
        return sorted(others, key=lambda f: (f.rows, f.relative))[: max(0, lacking)]

    def _is_in_case(self, spec_no: int, person: str | None) -> bool:
        return person is not None and (spec_no, person) in self._in_cases

    def _is_not_comparable(self, spec: RowClass, scene: Scene, row: int) -> bool:
        """Whether what a row would be compared with is not known of its school."""
        if spec.compared_with is None:
            return False
        school = str(scene.rows[row][scene.names.index("school_code")])
        return (spec.compared_with, school, scene.file.period) in self.effects.units

    def _inject(self, spec: RowClass, number: int) -> None:
        """Put one defect into a row of the dataset whose turn it is, or of the next one that has a row left."""
        turn = number % len(spec.datasets)
        if not any(
            self._inject_into(spec, wanted, number) for wanted in (*spec.datasets[turn:], *spec.datasets[:turn])
        ):
            raise CityTooSmallError(f"class {spec.class_no}: no row is left for it; use more terms or schools")

    def _inject_into(self, spec: RowClass, wanted: str, number: int) -> bool:
        for file in self._pool(wanted, spec.forms):
            plan = self._plan(file)
            if plan.is_closed:
                continue
            scene = self._scene(file)
            # The first row may hold what a form class needs.
            used = plan.used_rows
            free = [row for row in range(1, len(scene.rows)) if row not in used]
            for row in self.draw.sample(free, len(free) if spec.is_rare else min(TRIES, len(free))):
                person = self.rows(file)[1][row]
                if self._is_in_case(spec.class_no, person) or self._is_not_comparable(spec, scene, row):
                    continue
                edit = spec.make(scene, dict(zip(scene.names, scene.rows[row], strict=True)), number)
                # A school that is written once for many rows cannot be wrong in one of them, and in a column whose
                # header names a unit a defect of notation is none.
                is_fixed = (edit is not None and edit.field == "school_code" and 54 in plan.form_classes) or (
                    edit is not None and plan.unit is not None and edit.field == plan.unit.field
                )
                if edit is not None and not is_fixed:
                    if edit.expected_in == CASE and person is not None:
                        self._in_cases.add((spec.class_no, person))
                    edit.row = row
                    plan.edits.append(edit)
                    self._note_effects(scene, edit)
                    return True
        return False

    def _moved_from(self, period: str) -> dict[str, str]:
        """Return the school that each pupil left for another in a period."""
        rows = self.world.db.execute(
            "select pid, from_school_code from event where event_kind_code = '22' and period = ? order by pid", [period]
        )
        return dict(rows.fetchall())

    def _invite(self, spec: GuestClass, number: int) -> None:
        """Put a person into a second school of the same county file."""
        for file in self._pool(spec.dataset, ("csv",)):
            plan = self._plan(file)
            if plan.is_closed:
                continue
            rows, people = self.rows(file)
            names = self._scene(file).names
            used = plan.used_rows
            free = [
                row
                for row in range(1, len(rows))
                if row not in used and not self._is_in_case(spec.class_no, people[row])
            ]
            self.draw.shuffle(free)
            guest = find_guest(spec, names, rows, people, free, self._moved_from(file.period), number)
            if guest is None:
                continue
            plan.edits.append(
                CellEdit(
                    spec.class_no, guest.row, None, None, "case", others=guest.changed, expected_in=CASE, is_copy=True
                )
            )
            plan.kept_rows.add(guest.host)
            person, host = str(people[guest.row]), str(people[guest.host])
            self._in_cases.add((spec.class_no, person))
            self.effects.guests.append((file.dataset, person, host, file.period))
            return
        raise CityTooSmallError(f"class {spec.class_no}: no row of {spec.dataset} is left; use more terms or schools")

    def _note_effects(self, scene: Scene, edit: CellEdit) -> None:
        file = scene.file
        if file.dataset not in FIGURED:
            return
        person = self.rows(file)[1][edit.row]
        school = str(scene.rows[edit.row][scene.names.index("school_code")])
        if edit.is_dropped:
            gone = self.effects.students if file.dataset == "student" else self.effects.staff
            gone.append((str(person), file.period))
        if edit.is_unit_lost:
            self.effects.units.append((file.dataset, school, file.period))
        for name, value in edit.reported.items():
            reported = None if value is None else str(value)
            self.effects.values.append((file.dataset, person or school, file.period, name, reported))

    def _share_guardians(self) -> None:
        """One telephone or one guardian's number for a group of pupils, noted at the first; a pupil as own guardian."""
        pool = [f for f in self.files if f.dataset == "student" and 3 * SHARED_ROWS <= f.rows <= ROW_FILE_MAXIMUM]
        pool = [f for f in pool if not self._plan(f).is_closed]
        self.draw.shuffle(pool)
        for name in dict.fromkeys(name for name, _ in SHARED[: self.n]):
            pool += self._smallest_with(name, pool)
        for number in range(self.n):
            name, rows = SHARED[number % len(SHARED)]
            for file in pool:
                names = _fields(file)
                used = self._plan(file).used_rows
                free = [row for row in range(1, file.rows) if row not in used]
                # Half of a file's rows are left to the other classes.
                if name in names and len(free) > file.rows // 2 + SHARED_ROWS:
                    break
            else:
                raise CityTooSmallError("class 42: no file of pupils has rows left; use more terms or schools")
            pool.remove(file)
            pool.append(file)
            for place, row in enumerate(sorted(self.draw.sample(free, rows))):
                value = shared_value(name, number)
                if rows == 1:
                    value = str(self.rows(file)[0][row][names.index("id_number")])
                self._plan(file).edits.append(CellEdit(SHARED_CLASS, row, name, value, "warned", is_listed=place == 0))

    def _write_without_unit(self, count: int) -> int:
        """Write one figure of some schools in another unit than the year before, without a word; return how many.

        None where the city has one school year: there is nothing to see it by.
        """
        years = sorted({file.period for file in self.files if file.dataset == BARE_UNIT_DATASET})
        before = dict(zip(years[1:], years, strict=False))
        if not before:
            return 0
        last = {(f.period, f.org): f for f in self.files if f.dataset == BARE_UNIT_DATASET}
        for number in range(count):
            for file in self._pool(BARE_UNIT_DATASET, ("csv",)):
                older = last.get((before.get(file.period, ""), file.org))
                if older is not None and self._write_bare(file, older, number):
                    break
            else:
                raise CityTooSmallError("class 34: no school is left for it; use more terms or schools")
        return count

    def _write_bare(self, file: FileSpec, older: FileSpec, number: int) -> bool:
        """Put the defect into a school that has one campus in both files and nothing wrong in either."""
        plan, base = self._plan(file), self._plan(older)
        if plan.is_closed or base.is_rejected:
            return False
        scene, earlier = self._scene(file), self._scene(older)
        at = scene.names.index("school_code")
        places = {str(row[at]): place for place, row in enumerate(earlier.rows)}
        free = [row for row in range(1, len(scene.rows)) if row not in plan.used_rows]
        for row in self.draw.sample(free, len(free)):
            school = str(scene.rows[row][at])
            place = places.get(school)
            if place is None or place in base.used_rows or scene.count("school_code", school) > 1:
                continue
            if earlier.count("school_code", school) > 1:
                continue
            edit = bare_unit(dict(zip(scene.names, scene.rows[row], strict=True)), number)
            edit.row = row
            plan.edits.append(edit)
            base.kept_rows.add(place)
            self._note_effects(scene, edit)
            return True
        return False

    def _write_in_other_unit(self, column: UnitColumn, count: int) -> None:
        """Write a column of some files in another unit, which the header names."""
        pool = [
            f
            for f in self._pool(column.dataset, ("csv",), LEAST_FILES + count)
            if not self._plan(f).is_closed and self._plan(f).header_field != column.field
        ]
        if len(pool) < count:
            raise CityTooSmallError(f"class {column.class_no}: no file is left for it; use more terms or schools")
        for file in pool[:count]:
            self._plan(file).unit = column
