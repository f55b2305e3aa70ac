"""Defects of what is said of a person, a class or a school: codes, names, numbers, measures."""

from __future__ import annotations

from decimal import Decimal

from edu.codes import code_sets, label, seed_rows
from synthetic.defects.plan import CellEdit, RowClass, Scene
from synthetic.files import snapshot_of

NULL_WORDS = ("不详", "—", "/", "#N/A")
CHINESE = "零一二三四五六七八九十"


def entry_year(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A month of entry two or three years after the grade's; one before it would say that the stage is over."""
    years = 2 + number % 2
    text = str(row["entry_ym"])
    if int(str(row["grade_code"])[1:]) <= years:
        return None
    return CellEdit(21, 0, "entry_ym", f"{int(text[:4]) + years}{text[4:]}", "warned")


def class_name(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A class name in one of the spellings in use."""
    year, __, no = str(row["class_name"]).removesuffix("班").partition("级")
    forms = [f"{no}班", f"（{no}）班", f"{year}级({no})班", f"{year}级（{no}）班"]
    if int(no) <= 10:
        forms.append(f"{CHINESE[int(no)]}班")
    forms.append(f"{CHINESE[int(str(row['grade_code'])[1:])]}({no})班")
    return CellEdit(22, 0, "class_name", forms[number % len(forms)], "fixed")


def leading_zero(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A code, or a telephone with its area code, that a spreadsheet took for a number."""
    if number % 5 == 4:
        return CellEdit(23, 0, "phone", f"716{8_000_000 + number}", "fixed")
    names = ("ethnicity_code", "status_code" if scene.file.dataset == "student" else "political_status_code")
    name = names[number // 2 % 2]
    text = str(row[name])
    return CellEdit(23, 0, name, text.lstrip("0"), "fixed") if text.startswith("0") else None


def malformed_school_code(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A school code that lost a digit, or that is none."""
    text = str(row["school_code"])
    return CellEdit(24, 0, "school_code", (text[:9], "99" + text[2:])[number % 2], "quarantined", is_dropped=True)


def retired_division(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A division of household registration that was abolished before the snapshot."""
    snapshot = snapshot_of(scene.world.terms, scene.file.period).isoformat()
    current = row["household_division_code"]
    codes = [
        r["division_code"]
        for r in seed_rows("division_succession")
        if r["successor_code"] == current and r["valid_to"] < snapshot
    ]
    return CellEdit(26, 0, "household_division_code", codes[number % len(codes)], "fixed") if codes else None


def label_for_code(scene: Scene, row: dict[str, object], number: int) -> CellEdit:
    """A sex in another form than the file's own."""
    is_male = row["sex_code"] == "1"
    if scene.file.form == "xlsx":
        return CellEdit(30, 0, "sex_code", ("1" if is_male else "2", "M" if is_male else "F")[number % 2], "fixed")
    forms = ("男", "1-男性", "M", "男性") if is_male else ("女", "2-女性", "F", "女性")
    return CellEdit(30, 0, "sex_code", forms[number % 4], "fixed")


def ethnicity_suffix(_: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """An ethnic group without its last character, or with a space before it."""
    name = label("MZ", str(row["ethnicity_code"]))
    if not name.endswith("族"):
        return None
    return CellEdit(31, 0, "ethnicity_code", (name[:-1], f"{name[:-1]} 族")[number % 2], "fixed")


def null_word(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A word for nothing."""
    names = {"student": "disability_code", "staff": "subject_code", "campus_facility": "dilapidated_area_m2"}
    name = names[scene.file.dataset]
    return CellEdit(32, 0, name, NULL_WORDS[number % 4], "fixed") if row[name] is None else None


def other_unit(_: Scene, row: dict[str, object], number: int) -> CellEdit:
    """An amount or an area in another unit, which the cell names; it converts to the same figure."""
    name, word, factor = (("equipment_value_yuan", "万元", 10_000), ("land_area_m2", "亩", Decimal("666.67")))[
        number % 2
    ]
    return CellEdit(34, 0, name, f"{Decimal(str(row[name])) / factor:.6f}{word}", "fixed")


def number_as_text(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A number with separators, in full width, or with its counting word."""
    name = {"class": "reported_pupils", "campus_facility": "books"}[scene.file.dataset]
    text = str(row[name])
    wide = text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"})
    word = {"reported_pupils": "人", "books": "册"}[name]
    forms = [wide, text + word, f"{int(text):,}" if len(text) > 3 else text + word]
    return CellEdit(35, 0, name, forms[number % 3], "fixed")


def part_above_total(_: Scene, row: dict[str, object], __: int) -> CellEdit:
    """More dangerous floor area than there is floor area."""
    more = Decimal(str(row["building_area_m2"])) + 100
    return CellEdit(36, 0, "dilapidated_area_m2", str(more), "warned")


def post_contradicts(scene: Scene, row: dict[str, object], number: int) -> CellEdit:
    """An established post with a form of employment, or none with none."""
    if row["is_establishment"] == "1":
        name, other = (("contract_code", "2"), ("employment_form_code", "1"))[number % 2]
    else:
        name, other = "employment_form_code", None
    value = code_sets()[{"contract_code": "QDHT", "employment_form_code": "YRXS"}[name]][other] if other else None
    return CellEdit(39, 0, name, value if scene.file.form == "xlsx" else other, "warned")


def copy(_: Scene, __: dict[str, object], ___: int) -> CellEdit:
    """The same row twice."""
    return CellEdit(43, 0, None, None, "fixed", is_copy=True)


def formula_error(scene: Scene, _: dict[str, object], __: int) -> CellEdit:
    """A cell whose formula failed."""
    names = {"student": "entry_ym", "staff": "work_start_ym", "class": "reported_pupils"}
    return CellEdit(48, 0, names[scene.file.dataset], "#REF!", "accepted_incomplete")


def impossible_area(scene: Scene, row: dict[str, object], number: int) -> CellEdit | None:
    """A negative area, which is none, and a zero one, which is of a school not yet built."""
    if scene.count("school_code", row["school_code"]) > 1:
        return None
    if number % 2:
        return CellEdit(
            52, 0, "teaching_area_m2", ("0", "0.00")[number // 2 % 2], "warned", reported={"teaching_area_m2": None}
        )
    return CellEdit(52, 0, "sports_ground_area_m2", "-12", "quarantined", is_unit_lost=True)


def split_record(_: Scene, __: dict[str, object], ___: int) -> CellEdit:
    """A comma without quotes: the record has one cell more than the header and cannot be matched with it."""
    return CellEdit(49, 0, None, "曾用名", "quarantined", is_split=True, is_dropped=True)


def formula_name(_: Scene, __: dict[str, object], ___: int) -> CellEdit:
    """A name that a spreadsheet would run; it is kept as it is, and exports make it harmless."""
    return CellEdit(50, 0, "campus_name", '=HYPERLINK("a","校区")', "export", expected_in="export")


def hidden_row(_: Scene, __: dict[str, object], ___: int) -> CellEdit:
    """A row that a filter hides; it is read and counted."""
    return CellEdit(56, 0, None, None, "warned", is_hidden=True)


VALUE_CLASSES = (
    RowClass(21, ("student",), entry_year),
    RowClass(22, ("class",), class_name),
    RowClass(23, ("student", "staff"), leading_zero, forms=("csv",)),
    RowClass(24, ("student", "staff"), malformed_school_code),
    RowClass(26, ("student",), retired_division),
    RowClass(30, ("student", "staff"), label_for_code),
    RowClass(31, ("student", "staff"), ethnicity_suffix),
    RowClass(32, ("student", "staff", "campus_facility"), null_word),
    RowClass(34, ("campus_facility",), other_unit, share=0.8),
    RowClass(35, ("class", "campus_facility"), number_as_text),
    RowClass(36, ("campus_facility",), part_above_total),
    RowClass(39, ("staff",), post_contradicts),
    RowClass(43, ("student", "staff", "class"), copy),
    RowClass(48, ("student", "staff", "class"), formula_error, forms=("xlsx",), share=0.4),
    RowClass(56, ("student",), hidden_row, forms=("xlsx",)),
    RowClass(49, ("student", "staff"), split_record, forms=("csv",)),
    RowClass(50, ("campus_facility",), formula_name),
    RowClass(52, ("campus_facility",), impossible_area),
)
