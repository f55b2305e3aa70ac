"""Defects that show only between rows, files or terms: cases of the warehouse, not findings of a file."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic.defects.plan import CellEdit, RowClass, Scene
from synthetic.files import Row

CASE = "management.case"
LAST_GRADES = {"16": ("211", "218"), "23": ("311",), "33": ("342",), "43": ("365",)}
"""Last grade of a stage → kinds of school that have no stage before it."""
WITH_CLASSES = ("1", "2", "3", "4")
"""First digits of the grades whose pupils belong to classes: primary, junior, senior, vocational."""
ATTENDING, IN_SERVICE, TEACHER = "01", "11", "11"


def temporary_number(_: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """A temporary school-roll number of a pupil who has a formal one in other terms."""
    text = str(row["xjh"])
    if not text.startswith("G"):
        return None
    return CellEdit(16, 0, "xjh", "L" + text[1:], "computed", expected_in="storage.map_person")


def no_class(_: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """A pupil on the roll who is in no class."""
    if row["status_code"] != ATTENDING or str(row["grade_code"])[0] not in WITH_CLASSES or not row["class_code"]:
        return None
    return CellEdit(18, 0, "class_code", None, "case", expected_in=CASE, reported={"class_code": None})


def overstayed(scene: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """A pupil of the last grade whose entry lies one year too far back: the grade fits, the stage is over."""
    kinds = LAST_GRADES.get(str(row["grade_code"]))
    if kinds is None or str(row["school_code"]) not in scene.world.codes_of_kinds(kinds):
        return None
    if row["xjh"] in scene.world.paused_roll_numbers:
        return None
    text = str(row["entry_ym"])
    return CellEdit(20, 0, "entry_ym", f"{int(text[:4]) - 1}{text[4:]}", "case", expected_in=CASE)


def other_school_name(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A school under a short or a longer name in the last term, with no event that says so."""
    if len(scene.world.terms) < 2 or scene.file.period != scene.world.terms[-1].period:
        return None
    name = str(row["school_name"])
    other = (f"荆州市{name}", name[2:])[number % 2]
    return CellEdit(25, 0, "school_name", other, "case", expected_in=CASE)


LINKING_CLASSES = (
    RowClass(16, ("student",), temporary_number, forms=("csv",)),
    RowClass(18, ("student",), no_class, forms=("csv",)),
    RowClass(20, ("student",), overstayed),
    RowClass(25, ("school",), other_school_name),
)


@dataclass(frozen=True)
class Guest:
    """A person of one school who is put into another school's rows of the same file."""

    row: int
    host: int
    changed: dict[str, object]


@dataclass(frozen=True)
class GuestClass:
    """A class that is made by putting people into a second school."""

    class_no: int
    dataset: str
    is_mover: bool = False


GUEST_CLASSES = (GuestClass(17, "student"), GuestClass(19, "student", is_mover=True), GuestClass(38, "staff"))


def find_guest(
    spec: GuestClass,
    names: list[str],
    rows: list[Row],
    people: list[str | None],
    free: list[int],
    moved_from: dict[str, str],
    number: int,
) -> Guest | None:
    """Return the first free row whose person can be put beside another free row of the file.

    A pupil goes into the same grade of another school: of any other, or of the one that a mover has just left. A
    teacher goes to another school's colleague of the same stage.
    """
    at = {name: index for index, name in enumerate(names)}
    like = "grade_code" if spec.dataset == "student" else "teach_stage_code"
    hosts: dict[object, list[int]] = {}
    for row in free:
        hosts.setdefault(rows[row][at[like]], []).append(row)
    for row in free:
        if not _can_be_guest(spec, at, rows[row]):
            continue
        left = moved_from.get(str(people[row]))
        if spec.is_mover != (left is not None):
            continue
        own = rows[row][at["school_code"]]
        for host in hosts[rows[row][at[like]]]:
            school = rows[host][at["school_code"]]
            if school == own or (left is not None and school != left):
                continue
            if spec.dataset == "staff":
                return Guest(row, host, {"school_code": school, "staff_no": f"J{number:05d}"})
            if not rows[host][at["class_code"]]:
                continue
            taken = {name: rows[host][at[name]] for name in ("school_code", "class_code", "entry_ym")}
            return Guest(row, host, {**taken, "seat_no": f"9{number:03d}"})
    return None


def _can_be_guest(spec: GuestClass, at: dict[str, int], row: Row) -> bool:
    if spec.dataset == "staff":
        return bool(
            row[at["staff_status_code"]] == IN_SERVICE
            and row[at["staff_category_code"]] == TEACHER
            and row[at["teach_stage_code"]]
        )
    return bool(row[at["status_code"]] == ATTENDING and str(row[at["grade_code"]])[0] in WITH_CLASSES)
