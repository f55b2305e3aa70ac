"""Chooses where the defects stand, always the same for the same city."""

from __future__ import annotations

import math
import random

from edu.contract import get_contract
from synthetic.defects.forms import FormPlanner
from synthetic.defects.identity import IDENTITY_CLASSES
from synthetic.defects.linking import CASE, GUEST_CLASSES, LINKING_CLASSES, GuestClass, find_guest
from synthetic.defects.plan import CellEdit, CityTooSmallError, Effects, FilePlan, RowClass, Scene
from synthetic.defects.values import VALUE_CLASSES
from synthetic.files import FileSpec, Row, fetch_rows
from synthetic.world import World

ROW_CLASSES = (*IDENTITY_CLASSES, *LINKING_CLASSES, *VALUE_CLASSES)
FORM_CLASSES = (1, 2, 6, 7, 8, 44, 45, 53, 54, 55, 57, 58)
SHARED_PHONE_CLASS = 42
SHARED_PHONE_ROWS = 12
"""Pupils of one file that have one guardian's telephone: above the contract's limit."""
CLASSES = tuple(
    sorted(
        {
            *FORM_CLASSES,
            SHARED_PHONE_CLASS,
            *(spec.class_no for spec in ROW_CLASSES),
            *(spec.class_no for spec in GUEST_CLASSES),
        }
    )
)
ROW_FILE_MAXIMUM = 6_000
"""Rows are changed in files of at most this many rows, so that a large city needs no more memory."""
TRIES = 12
"""Rows of a file that are looked at before the next file."""


class Injector:
    """Plans N defects a class over the files of a city."""

    def __init__(self, world: World, files: list[FileSpec], defects: int) -> None:
        self.world = world
        self.files = files
        self.n = defects
        self.draw = random.Random(f"{world.seed}/defects")
        self.plans: dict[str, FilePlan] = {}
        self.effects = Effects()
        self._rows: dict[str, tuple[list[Row], list[str | None]]] = {}
        if defects:
            self.plans = FormPlanner(files, defects, self.draw, self.effects).run()
            self._shared_phones()
            for spec in GUEST_CLASSES:
                for number in range(defects):
                    self._invite(spec, number)
            for row_spec in ROW_CLASSES:
                for number in range(defects - math.ceil(defects * (1 - row_spec.share))):
                    self._inject(row_spec, number)

    def rows(self, file: FileSpec) -> tuple[list[Row], list[str | None]]:
        """Return a file's clean rows in code form and their persons, read once."""
        if file.relative not in self._rows:
            self._rows[file.relative] = fetch_rows(self.world, file)
        return self._rows[file.relative]

    def _plan(self, file: FileSpec) -> FilePlan:
        return self.plans.setdefault(file.relative, FilePlan(file))

    def _scene(self, file: FileSpec) -> Scene:
        names = [spec.name for spec in get_contract(file.dataset).profile_fields(file.profile)]
        return Scene(self.world, file, names, self.rows(file)[0])

    def _inject(self, spec: RowClass, number: int) -> None:
        """Put one defect into a row of the dataset whose turn it is, or of the next one that has a row left."""
        turn = number % len(spec.datasets)
        if not any(
            self._inject_into(spec, wanted, number) for wanted in (*spec.datasets[turn:], *spec.datasets[:turn])
        ):
            raise CityTooSmallError(f"class {spec.class_no}: no row is left for it; use more terms or schools")

    def _inject_into(self, spec: RowClass, wanted: str, number: int) -> bool:
        pool = [f for f in self.files if f.dataset == wanted and f.form in spec.forms and f.rows <= ROW_FILE_MAXIMUM]
        self.draw.shuffle(pool)
        for file in pool:
            plan = self._plan(file)
            if plan.is_closed:
                continue
            scene = self._scene(file)
            # The first row may hold what a form class needs.
            free = [row for row in range(1, len(scene.rows)) if row not in plan.used_rows]
            for row in self.draw.sample(free, min(TRIES, len(free))):
                edit = spec.make(scene, dict(zip(scene.names, scene.rows[row], strict=True)), number)
                # A school that is written once for many rows cannot be wrong in one of them.
                if edit is not None and not (edit.field == "school_code" and 54 in plan.form_classes):
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
        pool = [f for f in self.files if f.dataset == spec.dataset and f.form == "csv" and f.rows <= ROW_FILE_MAXIMUM]
        self.draw.shuffle(pool)
        for file in pool:
            plan = self._plan(file)
            if plan.is_closed:
                continue
            rows, people = self.rows(file)
            names = self._scene(file).names
            free = [row for row in range(1, len(rows)) if row not in plan.used_rows]
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
            self.effects.guests.append((file.dataset, person, host, file.period))
            return
        raise CityTooSmallError(f"class {spec.class_no}: no row of {spec.dataset} is left; use more terms or schools")

    def _note_effects(self, scene: Scene, edit: CellEdit) -> None:
        file = scene.file
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

    def _shared_phones(self) -> None:
        """One telephone for a group of pupils, noted at the first of them."""
        pool = [f for f in self.files if f.dataset == "student" and 3 * SHARED_PHONE_ROWS <= f.rows <= ROW_FILE_MAXIMUM]
        pool = [f for f in pool if not self._plan(f).is_closed]
        self.draw.shuffle(pool)
        for number in range(self.n):
            for file in pool:
                plan = self._plan(file)
                free = [row for row in range(1, file.rows) if row not in plan.used_rows]
                # Half of a file's rows are left to the other classes.
                if len(free) > file.rows // 2 + SHARED_PHONE_ROWS:
                    break
            else:
                raise CityTooSmallError("class 42: no file of pupils has rows left; use more terms or schools")
            pool.remove(file)
            pool.append(file)
            phone = f"199{number:08d}"
            for place, row in enumerate(sorted(self.draw.sample(free, SHARED_PHONE_ROWS))):
                plan.edits.append(
                    CellEdit(SHARED_PHONE_CLASS, row, "guardian_phone", phone, "warned", is_listed=place == 0)
                )
