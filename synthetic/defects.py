"""Injects the defects of the catalogue, each at a known place, and says what must become of it."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from edu.contract import get_contract
from edu.identifiers import resident_id_check_digit
from synthetic.files import FileSpec, Row, fetch_rows, header_of, labelled, snapshot_of
from synthetic.names import RARE_NAME
from synthetic.world import World

CLASSES = (1, 2, 3, 6, 7, 8, 9, 10, 12, 13, 22, 23, 28, 30, 32, 40, 41, 43, 48)
ROW_FILE_MAXIMUM = 6_000
"""Rows are changed in files of at most this many rows, so that a large city needs no more memory."""
UNKNOWN_HEADER = "备用列"
CHINESE = "零一二三四五六七八九十"


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
    is_dropped: bool = False
    is_copy: bool = False


@dataclass
class FilePlan:
    """All that is done to one file."""

    file: FileSpec
    form_classes: set[int] = dataclasses.field(default_factory=set)
    header_field: str | None = None
    is_rejected: bool = False
    broken: str | None = None
    edits: list[CellEdit] = dataclasses.field(default_factory=list)

    @property
    def used_rows(self) -> set[int]:
        return {edit.row for edit in self.edits}


@dataclass
class Effects:
    """What the defects take away from the figures until they are mended."""

    students: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    staff: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    units: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)


def workbooks_needed(defects: int) -> int:
    """Return how many workbooks the form classes need between them."""
    return math.ceil(defects * 0.6) + defects // 2 + defects + (defects + 1) // 2


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
            self._plan_forms()
            self._plan_rows()

    def _plan(self, file: FileSpec) -> FilePlan:
        return self.plans.setdefault(file.relative, FilePlan(file))

    def rows(self, file: FileSpec) -> tuple[list[Row], list[str | None]]:
        """Return a file's clean rows in code form, read once."""
        if file.relative not in self._rows:
            self._rows[file.relative] = fetch_rows(self.world, file)
        return self._rows[file.relative]

    # -- form of files ----------------------------------------------------------------------------------------

    def _take(self, pool: list[FileSpec], count: int, what: str) -> list[FileSpec]:
        if len(pool) < count:
            raise CityTooSmallError(
                f"{what}: {count} files are needed, {len(pool)} are left; use more terms or schools"
            )
        taken, pool[:] = pool[:count], pool[count:]
        return taken

    def _plan_forms(self) -> None:
        n = self.n
        books = [f for f in self.files if f.form == "xlsx"]
        sheets = [f for f in self.files if f.form == "csv"]
        self.draw.shuffle(books)
        self.draw.shuffle(sheets)
        rejectable = [f for f in books if f.dataset in ("class", "staff", "student", "campus_facility")]
        rejected = self._take(rejectable, math.ceil(n * 0.6) + n // 2, "rejected workbooks")
        books = [f for f in books if f not in rejected]
        for number, file in enumerate(rejected):
            plan = self._plan(file)
            plan.is_rejected = True
            self.effects.units.append((file.dataset, str(file.school_code), file.period))
            if number < n // 2:
                plan.form_classes.add(8)
                plan.header_field = self.draw.choice(get_contract(file.dataset).profiles[file.profile].mandatory)
            else:
                plan.broken = ("truncated", "encrypted", "xls")[number % 3]
        for file in self._take(books, n, "class 7"):
            self._plan(file).form_classes.add(7)
        for file in self._take(books, (n + 1) // 2, "class 6"):
            self._plan(file).form_classes.add(6)
        for class_no in (1, 2):
            for file in self._take(sheets, n, f"class {class_no}"):
                self._plan(file).form_classes.add(class_no)
        # Another defect of form may share a file with an encoding, where a small city runs out of files.
        spare = sheets + [f for f in self.files if f.form == "csv" and f not in sheets]
        for file in self._take(spare, n // 2, "class 6"):
            self._plan(file).form_classes.add(6)
        for file in self._take(spare, n - n // 2, "class 8"):
            plan = self._plan(file)
            plan.form_classes.add(8)
            contract = get_contract(file.dataset)
            named = [spec.name for spec in contract.profile_fields(file.profile) if spec.aliases]
            plan.header_field = self.draw.choice(named)

    # -- rows -------------------------------------------------------------------------------------------------

    def _plan_rows(self) -> None:
        makers: dict[int, tuple[tuple[str, ...], Callable[[FileSpec, dict[str, object], int], CellEdit | None]]] = {
            3: (("student", "staff"), self._mojibake),
            9: (("student", "staff"), self._float_id),
            10: (("student", "staff"), self._id_form),
            12: (("student", "staff"), self._check_digit),
            13: (("student", "staff"), self._birth_differs),
            22: (("class",), self._class_name),
            23: (("student", "staff"), self._leading_zero),
            28: (("student", "staff"), self._date_form),
            30: (("student", "staff"), self._label_for_code),
            32: (("student", "staff", "campus_facility"), self._null_word),
            40: (("student",), self._age),
            41: (("student", "staff"), self._placeholder),
            43: (("student", "staff", "class"), self._copy),
            48: (("student", "staff", "class"), self._formula_error),
        }
        for class_no, (datasets, make) in makers.items():
            count = self.n - math.ceil(self.n * 0.6) if class_no == 48 else self.n
            for number in range(count):
                self._inject(class_no, datasets, make, number)

    def _inject(
        self,
        class_no: int,
        datasets: tuple[str, ...],
        make: Callable[[FileSpec, dict[str, object], int], CellEdit | None],
        number: int,
    ) -> None:
        wanted = datasets[number % len(datasets)]
        pool = [f for f in self.files if f.dataset == wanted and 5 <= f.rows <= ROW_FILE_MAXIMUM]
        if class_no == 23:
            pool = [f for f in pool if f.form == "csv"]
        if class_no == 48:
            pool = [f for f in self.files if f.dataset == wanted and f.form == "xlsx"]
        self.draw.shuffle(pool)
        for file in pool:
            plan = self._plan(file)
            if plan.is_rejected:
                continue
            rows, people = self.rows(file)
            names = [spec.name for spec in get_contract(file.dataset).profile_fields(file.profile)]
            for row in self.draw.sample(range(1, len(rows)), min(12, len(rows) - 1)):
                if row in plan.used_rows:
                    continue
                edit = make(file, dict(zip(names, rows[row], strict=True)), number)
                if edit is None:
                    continue
                edit.row = row
                plan.edits.append(edit)
                if edit.is_dropped:
                    gone = self.effects.students if file.dataset == "student" else self.effects.staff
                    gone.append((str(people[row]), file.period))
                return
        raise CityTooSmallError(f"class {class_no}: no row of {wanted} is left for it; use more terms or schools")

    @staticmethod
    def _edit(class_no: int, name: str | None, value: object, expected: str, **more: object) -> CellEdit:
        return CellEdit(class_no, 0, name, value, expected, **more)  # type: ignore[arg-type]

    def _mojibake(self, _: FileSpec, row: dict[str, object], number: int) -> CellEdit:
        name = str(row["name"])
        return self._edit(3, "name", (name[0] + "?", "锟斤拷", name[0] + "□")[number % 3], "accepted_incomplete")

    def _float_id(self, file: FileSpec, row: dict[str, object], _: int) -> CellEdit | None:
        number = str(row["id_number"])
        if number.endswith("X"):
            return None
        value: object = float(number) if file.form == "xlsx" else f"{float(number):.14E}"
        return self._edit(9, "id_number", value, "accepted_incomplete")

    def _id_form(self, _: FileSpec, row: dict[str, object], number: int) -> CellEdit:
        text = str(row["id_number"])
        wide = text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789X"})
        forms = [wide, f"'{text}", f"{text[:6]} {text[6:14]} {text[14:]}"]
        return self._edit(10, "id_number", text.lower() if text.endswith("X") else forms[number % 3], "fixed")

    def _check_digit(self, _: FileSpec, row: dict[str, object], __: int) -> CellEdit:
        text = str(row["id_number"])
        return self._edit(12, "id_number", text[:17] + ("0" if text[17] != "0" else "1"), "accepted_incomplete")

    def _birth(self, row: dict[str, object]) -> date:
        text = str(row["birth_date"]).replace("-", "")
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))

    def _written(self, file: FileSpec, day: date) -> str:
        return day.isoformat() if file.form == "xlsx" else day.strftime("%Y%m%d")

    def _birth_differs(self, file: FileSpec, row: dict[str, object], number: int) -> CellEdit:
        birth = self._birth(row)
        other = birth.replace(day=birth.day % 28 + 1) if number % 2 else birth.replace(day=(birth.day + 13) % 28 + 1)
        return self._edit(13, "birth_date", self._written(file, other), "warned")

    def _class_name(self, _: FileSpec, row: dict[str, object], number: int) -> CellEdit | None:
        year, __, no = str(row["class_name"]).removesuffix("班").partition("级")
        forms = [f"{no}班", f"（{no}）班", f"{year}级({no})班", f"{year}级（{no}）班"]
        if int(no) <= 10:
            forms.append(f"{CHINESE[int(no)]}班")
        return self._edit(22, "class_name", forms[number % len(forms)], "fixed")

    def _leading_zero(self, file: FileSpec, row: dict[str, object], number: int) -> CellEdit | None:
        names = ("ethnicity_code", "status_code" if file.dataset == "student" else "political_status_code")
        name = names[number // 2 % 2]
        text = str(row[name])
        return self._edit(23, name, text.lstrip("0"), "fixed") if text.startswith("0") else None

    def _date_form(self, _: FileSpec, row: dict[str, object], number: int) -> CellEdit:
        if number % 5 == 4:
            return self._edit(28, "birth_date", "1900-01-00", "accepted_incomplete")
        d = self._birth(row)
        serial = str((d - date(1899, 12, 30)).days)
        forms = [
            f"{d.year}.{d.month:02d}.{d.day:02d}",
            f"{d.year}年{d.month}月{d.day}日",
            f"{d.year}/{d.month}/{d.day}",
        ]
        return self._edit(28, "birth_date", [*forms, serial][number % 4] if d.year > 1955 else forms[1], "fixed")

    def _label_for_code(self, file: FileSpec, row: dict[str, object], number: int) -> CellEdit:
        male = row["sex_code"] == "1"
        if file.form == "xlsx":
            return self._edit(30, "sex_code", ("1" if male else "2", "M" if male else "F")[number % 2], "fixed")
        forms = ("男", "1-男性", "M", "男性") if male else ("女", "2-女性", "F", "女性")
        return self._edit(30, "sex_code", forms[number % 4], "fixed")

    def _null_word(self, file: FileSpec, row: dict[str, object], number: int) -> CellEdit | None:
        names = {"student": "disability_code", "staff": "subject_code", "campus_facility": "dilapidated_area_m2"}
        if row[names[file.dataset]] is not None:
            return None
        return self._edit(32, names[file.dataset], ("不详", "—", "/", "#N/A")[number % 4], "fixed")

    def _age(self, file: FileSpec, row: dict[str, object], number: int) -> CellEdit | None:
        unusual = {"1": 18, "2": 21, "3": 24, "4": 27}.get(str(row["grade_code"])[0])
        if unusual is None:
            return None
        age = 45 if number % 2 else unusual
        birth, snapshot = self._birth(row), snapshot_of(self.world.terms, file.period)
        has_had_birthday = (birth.month, birth.day) <= (snapshot.month, snapshot.day)
        other = birth.replace(year=snapshot.year - age - (0 if has_had_birthday else 1), day=min(birth.day, 28))
        text = str(row["id_number"])
        first17 = text[:6] + other.strftime("%Y%m%d") + text[14:17]
        identity = first17 + resident_id_check_digit(first17)
        others: dict[str, object] = {"id_number": identity, "xjh": str(row["xjh"])[0] + identity}
        return self._edit(
            40,
            "birth_date",
            self._written(file, other),
            "quarantined" if number % 2 else "warned",
            others=others,
            is_dropped=bool(number % 2),
        )

    def _placeholder(self, _: FileSpec, __: dict[str, object], ___: int) -> CellEdit:
        return self._edit(41, "name", "张三", "quarantined", others={"id_number": "111111"}, is_dropped=True)

    def _copy(self, _: FileSpec, __: dict[str, object], ___: int) -> CellEdit:
        return self._edit(43, None, None, "fixed", is_copy=True)

    def _formula_error(self, file: FileSpec, _: dict[str, object], __: int) -> CellEdit:
        names = {
            "student": "entry_ym",
            "staff": "work_start_ym",
            "class": "reported_pupils",
        }
        return self._edit(48, names[file.dataset], "#REF!", "accepted_incomplete")


@dataclass
class DirtyFile:
    """What a planned file is written with."""

    top: list[str]
    groups: list[tuple[int, int, str]]
    header: list[str]
    rows: list[Row]
    bottom: list[Row]
    entries: list[LedgerEntry]


def spoil(plan: FilePlan, rows: list[Row], title: str | None) -> DirtyFile:
    """Return a file's content with its defects, and their ledger entries with final row numbers."""
    file = plan.file
    contract = get_contract(file.dataset)
    names = [spec.name for spec in contract.profile_fields(file.profile)]
    sheet = contract.profiles[file.profile].sheet if file.form == "xlsx" else None
    header = header_of(file)
    top = [title] if title else []
    bottom: list[Row] = []
    entries: list[LedgerEntry] = []
    groups: list[tuple[int, int, str]] = []

    def note(class_no: int, expected: str, name: str | None = None) -> None:
        entries.append(LedgerEntry(file.relative, None, None, name, class_no, expected))

    if 8 in plan.form_classes and plan.header_field:
        spec = contract.field(plan.header_field)
        header[names.index(plan.header_field)] = UNKNOWN_HEADER if plan.is_rejected else spec.aliases[0]
        note(8, "rejected" if plan.is_rejected else "fixed", plan.header_field)
    if 6 in plan.form_classes:
        top += ["填表说明：请按要求如实填写", "制表单位：教育局"]
        blank: list[object] = [None] * (len(names) - 1)
        bottom = [["合计", *blank[:-1], str(len(rows))], ["填表人：", *blank]]
        note(6, "fixed")
    if 7 in plan.form_classes:
        groups = [(0, 1, "基本情况"), (2, len(names) - 1, "具体内容")]
        note(7, "fixed")
    for class_no in (1, 2):
        if class_no in plan.form_classes:
            note(class_no, "fixed")
    body = [list(row) for row in rows]
    if 1 in plan.form_classes and "name" in names and body:
        body[0][names.index("name")] = RARE_NAME
    if file.form == "xlsx":
        body = [labelled(contract, file.profile, row) for row in body]
    first = (len(top) + bool(groups) + 1 if file.form == "xlsx" else 1) + 1
    copies: list[Row] = []
    for edit in sorted(plan.edits, key=lambda item: item.row):
        if edit.is_copy:
            copies.append(list(body[edit.row]))
            place = first + len(body) + len(copies) - 1
        else:
            for name, value in {str(edit.field): edit.value, **edit.others}.items():
                body[edit.row][names.index(name)] = value
            place = first + edit.row
        entries.append(LedgerEntry(file.relative, sheet, place, edit.field, edit.class_no, edit.expected))
    if plan.broken:
        note(48, "rejected")
    return DirtyFile(top, groups, header, body + copies, bottom, entries)
