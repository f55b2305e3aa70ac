"""The files that schools and counties send: what stands in each, and how it is written."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from edu.codes import code_sets
from edu.contract import Contract, get_contract
from synthetic.world import Term, World

WORKBOOK_SHARE = 0.08
WORKBOOK_SCHOOLS_MAXIMUM = 40
SCHOOL_DATASETS = ("class", "staff", "student", "student_event", "campus_facility")
"""Datasets that a school may send itself; the registry is the bureaus' own."""
TITLES = {
    "campus_facility": "荆州市校区办学条件表",
    "class": "荆州市班级信息表",
    "staff": "荆州市教职工信息表",
    "student": "荆州市学生学籍信息表",
    "student_event": "荆州市学籍异动表",
}
FILE_WORDS = {
    "school": "学校",
    "campus_facility": "办学条件",
    "class": "班级",
    "staff": "教职工",
    "student": "学生",
    "student_event": "异动",
}
SORT_KEYS = {
    "school": "school_code",
    "campus_facility": "school_code, campus_no",
    "class": "school_code, class_code",
    "staff": "school_code, staff_no",
    "student": "school_code, grade_code, class_code, pid",
    "student_event": "school_code, event_date, pid, event_kind_code",
}
IDENTITY = {"student": "pid", "student_event": "pid", "staff": "sid"}
"""Column of the world that names the person of a row, beside the contract's fields."""

Row = list[Any]


@dataclass(frozen=True)
class FileSpec:
    """One file of the inbox."""

    dataset: str
    period: str
    org: str
    form: str
    """csv or xlsx"""
    school_code: str | None
    rows: int
    snapshot_date: date | None
    received_at: datetime

    @property
    def profile(self) -> str:
        return "template" if self.form == "xlsx" else "national_export"

    @property
    def title(self) -> str:
        """The title row of a workbook."""
        return title_of(self)

    @property
    def folder_period(self) -> str:
        return self.period.replace("/", "-")

    @property
    def relative(self) -> str:
        name = f"{FILE_WORDS[self.dataset]}_{self.org}_{self.folder_period}.{self.form}"
        return f"{self.org}/{self.dataset}/{self.folder_period}/{name}"

    def meta(self, received_at: datetime) -> dict[str, Any]:
        """Return the content of the sidecar."""
        return {
            "dataset": self.dataset,
            "org": self.org,
            "period": self.period,
            "snapshot_date": self.snapshot_date.isoformat() if self.snapshot_date else None,
            "received_at": received_at.isoformat(),
            "coverage": "full",
        }


def make_views(world: World, workbook_schools: int) -> None:
    """Make one view a dataset over the world: the contract's fields as codes, period, person, and who sends it."""
    db = world.db
    db.execute("create table sender as select school_code, managing_org, false as is_workbook from school")
    db.execute(
        """
        update sender set is_workbook = true where school_code in (
            select school_code from school where school_kind_code not in ('411', '412', '413', '414', '415')
            order by hash(school_code || 'workbook'), school_code limit ?
        )
        """,
        [workbook_schools],
    )
    db.execute(
        "create view rows_school as select s.*, t.period, t.snapshot_date, "
        "case when s.school_kind_code in ('111', '119') then "
        "case when s.sponsor_code <> '999' or rnd('inclusive' || s.school_code) < 0.55 then '1' else '0' end end as is_inclusive, "
        "(select cast(round(count(*) * (0.96 + 0.1 * rnd('posts' || s.school_code))) as bigint) from staff_person as m "
        "where m.school_code = s.school_code and m.is_establishment = '1') as approved_posts "
        "from school as s cross join term as t "
        "where exists (select 1 from pupil_term as p where p.school_code = s.school_code and p.t = t.t)"
    )
    db.execute("create view rows_campus_facility as select *, school_year as period from facility")
    db.execute(
        """
        create view rows_class as
        select school_code, period, snapshot_date, class_code, class_entry_year || '级' || class_number || '班' as class_name,
            class_grade_code as grade_code, case when is_mixed_grade then '12' else case stage when 'primary' then '10' when 'junior' then '20' when 'senior' then '40' end end as class_kind_code,
            'T' || lpad((1 + draw('homeroom' || school_code || class_code, 3))::varchar, 5, '0') as homeroom_staff_no,
            count(*) filter (where status_code = '01') as reported_pupils
        from pupil_term where class_code is not null group by all
        """
    )
    db.execute("create view rows_staff as select * from staff_term")
    db.execute(
        """
        create view rows_student as
        select t.school_code, t.period, t.snapshot_date, t.pid, p.name, p.sex_code, p.birth_date, p.ethnicity_code,
            '1' as id_type_code, p.id_number, p.xjh, t.grade_code, t.class_code, t.seat_no, t.entry_year || '09' as entry_ym,
            case when t.stage = 'senior' then '01' else '99' end as entry_mode_code,
            case when t.stage = 'higher' or (s.is_boarding = '1' and t.stage in ('junior', 'senior', 'vocational')
                and rnd('board' || t.pid) < 0.6) then '2' else '1' end as boarding_code,
            p.household_kind_code, p.household_division_code, t.status_code, p.left_behind_code, p.is_migrant,
            p.disability_code, p.address, p.phone, p.guardian_name, p.guardian_phone,
            p.guardian_id_number
        from pupil_term as t inner join pupil as p using (pid) inner join school as s using (school_code)
        """
    )
    db.execute(
        """
        create view rows_student_event as
        select e.*, p.name, p.xjh, cast(null as date) as snapshot_date from event as e inner join pupil as p using (pid)
        """
    )


def list_files(world: World) -> list[FileSpec]:
    """Return every roster file of the inbox, in path order."""
    files = []
    for dataset in FILE_WORDS:
        own = dataset in SCHOOL_DATASETS
        found = world.db.execute(
            f"""
            select r.period, case when s.is_workbook and {own} then r.school_code else s.managing_org end as org,
                s.is_workbook and {own} as is_workbook, count(*), max(r.snapshot_date)
            from rows_{dataset} as r inner join sender as s using (school_code) group by all order by all
            """
        ).fetchall()
        for period, org, is_workbook, rows, snapshot in found:
            start = next(t for t in world.terms if t.period.startswith(period)).snapshot_date
            files.append(
                FileSpec(
                    dataset,
                    period,
                    org,
                    "xlsx" if is_workbook else "csv",
                    org if is_workbook else None,
                    rows,
                    snapshot,
                    _received(world.seed, f"{dataset}/{period}/{org}", start),
                )
            )
    return sorted(files, key=lambda file: file.relative)


def _received(seed: int, key: str, start: date) -> datetime:
    """Return a time some days after the snapshot, drawn from the file's name."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:6], "big")
    return datetime.combine(start, time(8)) + timedelta(days=3 + number % 14, seconds=number % 36_000)


def header_of(file: FileSpec) -> list[str]:
    """Return the header cells in the profile's own spelling."""
    contract = get_contract(file.dataset)
    mandatory = contract.profiles[file.profile].mandatory
    star = "*" if file.form == "xlsx" else ""
    return [
        (star if spec.name in mandatory else "") + contract.header(file.profile, spec.name)
        for spec in contract.profile_fields(file.profile)
    ]


def _select(file: FileSpec) -> str:
    """Return SQL of a file's rows as text in code form, the person of the row last."""
    contract = get_contract(file.dataset)
    columns = []
    for spec in contract.profile_fields(file.profile):
        if spec.type == "date":
            pattern = "%Y-%m-%d" if file.form == "xlsx" else "%Y%m%d"
            columns.append(f"strftime(r.{spec.name}, '{pattern}') as {spec.name}")
        else:
            columns.append(f"cast(r.{spec.name} as varchar) as {spec.name}")
    where = (
        f"r.school_code = '{file.school_code}'"
        if file.school_code
        else f"s.managing_org = '{file.org}' and not (s.is_workbook and {file.dataset in SCHOOL_DATASETS})"
    )
    return (
        f"select {', '.join(columns)} "
        f"from rows_{file.dataset} as r inner join sender as s on s.school_code = r.school_code "
        f"where r.period = '{file.period}' and {where} order by "
        + ", ".join("r." + key.strip() for key in SORT_KEYS[file.dataset].split(","))
    )


def fetch_rows(world: World, file: FileSpec) -> tuple[list[Row], list[str | None]]:
    """Return a file's rows in code form, and the person of each where the dataset has persons."""
    identity = IDENTITY.get(file.dataset)
    sql = _select(file)
    if identity:
        sql = sql.replace(" from rows_", f", r.{identity} from rows_", 1)
    rows = [list(row) for row in world.db.execute(sql).fetchall()]
    if identity is None:
        return rows, [None] * len(rows)
    people = [row.pop() for row in rows]
    return rows, people


def labelled(contract: Contract, profile: str, row: Row) -> Row:
    """Return a row with labels in place of codes."""
    values = []
    for spec, value in zip(contract.profile_fields(profile), row, strict=True):
        code_set = "SFBZ" if spec.type == "flag" else spec.code_set
        values.append(code_sets()[code_set][value] if code_set and value is not None else value)
    return values


def title_of(file: FileSpec) -> str:
    """Return the title row of a workbook."""
    snapshot = f"，时点：{file.snapshot_date.isoformat()}" if file.snapshot_date else ""
    return f"{TITLES[file.dataset]}（学年学期：{file.period}{snapshot}，填报单位：{file.org}）"


def write_sidecar(path: Path, file: FileSpec, received_at: datetime) -> None:
    """Write `<file>.meta.json`."""
    text = json.dumps(file.meta(received_at), ensure_ascii=False, indent=1)
    path.with_name(path.name + ".meta.json").write_text(text + "\n", encoding="utf-8")


def copy_csv(world: World, file: FileSpec, path: Path) -> None:
    """Write a plain CSV file straight from the engine."""
    names = get_contract(file.dataset).profile_fields(file.profile)
    header = header_of(file)
    renamed = ", ".join(f'"{spec.name}" as "{text}"' for spec, text in zip(names, header, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    world.db.execute(f"copy (select {renamed} from ({_select(file)})) to '{path}' (header, delimiter ',')")


def csv_bytes(rows: list[Row]) -> str:
    """Return rows as CSV text."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(["" if v is None else v for v in row] for row in rows)
    return stream.getvalue()


def write_workbook(
    path: Path,
    sheet: str,
    top: list[str],
    groups: list[tuple[int, int, str]],
    header: list[str],
    rows: list[Row],
    bottom: list[Row],
) -> None:
    """Write a clerk's workbook: merged title rows, group labels above the header if any, body, rows at the end.

    A body value that is a float is written as a number, `#REF!` as an error cell, all else as text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A fixed date of creation keeps the bytes a function of the content.
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"created": datetime.combine(date(2024, 1, 1), time())})
    page = book.add_worksheet(sheet)
    bold = book.add_format({"bold": True, "align": "center"})
    line = 0
    for text in top:
        page.merge_range(line, 0, line, max(1, len(header) - 1), text, bold)
        line += 1
    if groups:
        for first, last, text in groups:
            page.merge_range(line, first, line, last, text, bold)
        line += 1
    page.write_row(line, 0, header, bold)
    line += 1
    for row in [*rows, *bottom]:
        for column, value in enumerate(row):
            if isinstance(value, float):
                page.write_number(line, column, value)
            elif value == "#REF!":
                page.write_formula(line, column, "=#REF!", None, "#REF!")
            elif value is not None:
                page.write_string(line, column, str(value))
        line += 1
    book.close()


def snapshot_of(terms: list[Term], period: str) -> date:
    """Return the snapshot date of a period (of its first term, for a school year)."""
    return next(term for term in terms if term.period.startswith(period)).snapshot_date
