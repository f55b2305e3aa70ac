"""Defects of who a person is: names, identity numbers, school-roll numbers, ages (classes 3–5, 9–15, 40–42)."""

from __future__ import annotations

from datetime import date

from edu.codes import label, seed_rows
from edu.identifiers import resident_id_check_digit
from synthetic.defects.plan import CellEdit, RowClass, Scene, birth_of, written
from synthetic.files import snapshot_of

PERSONS = ("student", "staff")
OTHER_PREFIX = "420106"
"""A division of another city: no number of the city's own people opens with it."""
UNUSED = "9"
"""First digit of a sequence number that the world never reaches, so that a made-up number is nobody else's."""
UNUSUAL_AGES = {"1": 18, "2": 21, "3": 24, "4": 27}
"""By the first digit of the grade: one or more years above the usual range, and possible."""


def mojibake(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A name that went through the wrong encoding."""
    name = str(row["name"])
    return CellEdit(3, 0, "name", (name[0] + "?", "锟斤拷", name[0] + "□")[number % 3], "accepted_incomplete")


def stand_in(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A rare character as a private code point that a standard defines, as another one, or spelled out."""
    name = str(row["name"])
    if number % 3 == 0:
        known = seed_rows("private_use_character")
        return CellEdit(4, 0, "name", name[0] + chr(int(known[number % len(known)]["private_use"], 16)), "fixed")
    return CellEdit(4, 0, "name", name[0] + ("", "\ue78d", "YAN")[number % 3], "accepted_incomplete")


def name_dot(_: Scene, __: dict[str, object], number: int) -> CellEdit:
    """A name whose dot is none of the standard's."""
    return CellEdit(5, 0, "name", "古丽" + "•．・‧"[number % 4] + "努尔兰", "fixed")


def float_id(scene: Scene, row: dict[str, object], _: int) -> CellEdit | None:
    """A number that a spreadsheet took for a quantity."""
    number = str(row["id_number"])
    if number.endswith("X"):
        return None
    value: object = float(number) if scene.file.form == "xlsx" else f"{float(number):.14E}"
    return CellEdit(9, 0, "id_number", value, "accepted_incomplete")


def id_form(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A number in another width, case or with spaces."""
    text = str(row["id_number"])
    wide = text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789X"})
    forms = [wide, f"'{text}", f"{text[:6]} {text[6:14]} {text[14:]}"]
    return CellEdit(10, 0, "id_number", text.lower() if text.endswith("X") else forms[number % 3], "fixed")


def first_generation(_: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """A 15-digit number, which only people born before 2000 had."""
    text = str(row["id_number"])
    return CellEdit(11, 0, "id_number", text[:6] + text[8:17], "fixed") if text[6:8] == "19" else None


def check_digit(_: Scene, row: dict[str, object], __: int) -> CellEdit:
    """A last character that does not fit the others."""
    text = str(row["id_number"])
    return CellEdit(12, 0, "id_number", text[:17] + ("0" if text[17] != "0" else "1"), "accepted_incomplete")


def birth_differs(scene: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A date of birth that is not the one inside the number."""
    birth = birth_of(row)
    other = birth.replace(day=birth.day % 28 + 1) if number % 2 else birth.replace(day=(birth.day + 13) % 28 + 1)
    return CellEdit(13, 0, "birth_date", written(scene.file, other), "warned")


def sex_differs(scene: Scene, row: dict[str, object], _: int) -> CellEdit:
    """A sex that the 17th digit of the number contradicts; figures show what was reported."""
    other = "2" if row["sex_code"] == "1" else "1"
    value = label("XB", other) if scene.file.form == "xlsx" else other
    return CellEdit(14, 0, "sex_code", value, "warned", reported={"sex_code": other})


def roll_number_differs(_: Scene, row: dict[str, object], __: int) -> CellEdit | None:
    """A formal school-roll number that was made of another identity number."""
    text = str(row["xjh"])
    if not text.startswith("G"):
        return None
    return CellEdit(15, 0, "xjh", "G" + OTHER_PREFIX + text[7:15] + UNUSED + text[16:], "warned")


def age(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A pupil too old for the grade, and one too old for any school."""
    unusual = UNUSUAL_AGES.get(str(row["grade_code"])[0])
    if unusual is None:
        return None
    years = 45 if number % 2 else unusual
    birth, snapshot = birth_of(row), snapshot_of(scene.world.terms, scene.file.period)
    has_had_birthday = (birth.month, birth.day) <= (snapshot.month, snapshot.day)
    other = birth.replace(year=snapshot.year - years - (0 if has_had_birthday else 1), day=min(birth.day, 28))
    text = str(row["id_number"])
    first17 = text[:6] + other.strftime("%Y%m%d") + UNUSED + text[15:17]
    identity = first17 + resident_id_check_digit(first17)
    return CellEdit(
        40,
        0,
        "birth_date",
        written(scene.file, other),
        "quarantined" if number % 2 else "warned",
        others={"id_number": identity, "xjh": str(row["xjh"])[0] + identity},
        is_dropped=bool(number % 2),
    )


def placeholder(_: Scene, __: dict[str, object], ___: int) -> CellEdit:
    """A row that somebody typed to try the form."""
    return CellEdit(41, 0, "name", "张三", "quarantined", others={"id_number": "111111"}, is_dropped=True)


def shared_value(name: str, number: int) -> str:
    """What many pupils of one file have: a teacher's telephone, or an ID number of another city."""
    if name == "guardian_phone":
        return f"199{number:08d}"
    first17 = f"{OTHER_PREFIX}19850601{UNUSED}{number % 100:02d}"
    return first17 + resident_id_check_digit(first17)


def two_digit_year(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A date that could be any of several."""
    d: date = birth_of(row)
    forms = (f"{d:%y/%m/%d}", f"{d:%m/%d/%Y}", f"{d:%y.%m.%d}", f"{d:%y%m%d}")
    return CellEdit(29, 0, "birth_date", forms[number % 4], "accepted_incomplete")


def date_form(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A date in a clerk's own writing; every fifth is no date at all."""
    if number % 5 == 4:
        return CellEdit(28, 0, "birth_date", "1900-01-00", "accepted_incomplete")
    d = birth_of(row)
    serial = str((d - date(1899, 12, 30)).days)
    forms = [f"{d.year}.{d.month:02d}.{d.day:02d}", f"{d.year}年{d.month}月{d.day}日", f"{d.year}/{d.month}/{d.day}"]
    return CellEdit(28, 0, "birth_date", [*forms, serial][number % 4] if d.year > 1955 else forms[1], "fixed")


IDENTITY_CLASSES = (
    RowClass(3, PERSONS, mojibake),
    RowClass(4, PERSONS, stand_in),
    RowClass(5, PERSONS, name_dot),
    RowClass(9, PERSONS, float_id),
    RowClass(10, PERSONS, id_form),
    RowClass(11, ("staff",), first_generation),
    RowClass(12, PERSONS, check_digit),
    RowClass(13, PERSONS, birth_differs),
    RowClass(14, PERSONS, sex_differs),
    RowClass(15, ("student",), roll_number_differs),
    RowClass(28, PERSONS, date_form),
    RowClass(29, PERSONS, two_digit_year),
    RowClass(40, ("student",), age),
    RowClass(41, PERSONS, placeholder),
)
