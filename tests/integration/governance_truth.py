"""What governance must say of a synthetic city: from the files written, the ledger and the facts of the world.

No model of the warehouse is read, only the seeds that say who reports what by which day.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from io import BytesIO
from pathlib import Path

import duckdb
from openpyxl import load_workbook

from edu.codes import code_sets, seed_rows
from edu.contract import get_contract

HEADER_ROWS = 12
"""A header stands within so many rows of a sheet, in one row or two."""
SCHOOL_CODE_WIDTH = 10
ENROLLED = ("01", "05")
"""States in which a pupil counts."""
IN_SERVICE = "11"
"""State in which a member of staff counts."""
MOVED_COLUMNS = 49
"""Class of a row whose cells stand one column further on: the state of a member of staff in that of the phone."""

UNITS = """
create table unit as
with registered as (select distinct school_code, school_kind_code, managing_org, period from fact_school),
expected as (
    select c.dataset, s.school_code, s.managing_org, c.period, cast(c.due_at_city as date) as due_date
    from registered as s
    inner join calendar as c on c.period = s.period
        or (s.period like '%/1' and c.period in (left(s.period, 9), 'FY' || left(s.period, 4)))
    inner join scope as k on k.dataset = c.dataset and k.school_kind_code = s.school_kind_code
),
sender as (
    select e.*, coalesce(own.file, office.file) as file, own.file is not null as is_own_file,
        case when f.school_code is not null then coalesce(own.received_at, office.received_at) end as received_at,
        coalesce(own.is_withheld, office.is_withheld, false) as is_withheld,
        coalesce(own.is_refused, office.is_refused, false) as is_refused
    from expected as e
    left join fact as f on f.dataset = e.dataset and f.school_code = e.school_code and f.period = e.period
    left join sent as own on own.dataset = e.dataset and own.period = e.period and own.org = e.school_code
    left join sent as office
        on office.dataset = e.dataset and office.period = e.period and office.org = coalesce(f.org, e.managing_org)
)
select dataset, school_code, period, due_date, file,
    case
        when is_withheld or received_at is null or (is_refused and not is_own_file) then 'missing'
        when is_refused then 'rejected'
        when held.school_code is not null then 'held'
        when cast(received_at as date) > due_date then 'late'
        else 'received'
    end as status,
    case when status in ('received', 'late', 'held') then received_at end as received_at,
    case when status in ('received', 'late', 'held')
        then greatest(0, date_diff('day', due_date, cast(received_at as date))) end as days_late
from sender left join held using (dataset, school_code, period)
"""

NOT_OWED = """
delete from unit where status = 'missing' and dataset in (select dataset from covered)
    and (school_code, left(period, 9)) in (
        select (school_code, left(period, 9)) from unit where dataset = 'student' and status in ('received', 'late')
    )
    and (dataset, 'S' || school_code, left(period, 9)) not in (
        select (c.dataset, e.school_id, e.school_year)
        from read_csv('{out}/truth/expected/analysis.enrolment.csv', types = {{'grade_code': 'varchar', 'term': 'varchar'}}) as e
        inner join covered as c on c.grade_code = e.grade_code
        inner join unit as u on u.dataset = 'student' and 'S' || u.school_code = e.school_id
            and u.period = e.school_year || '/' || e.term and u.status in ('received', 'late')
    )
"""
"""A dataset of some grades is not owed where the whole roll of the school year shows nobody in them."""

PAIRS = """
create table pair as
with counted as (select 'S' || school_code as school_id, dataset, period from unit where status in ('received', 'late', 'held')),
roster as (
    select e.school_id, c.period, e.grade_code, sum(e.pupils) as pupils
    from read_csv('{out}/truth/expected/analysis.enrolment.csv', types = {{'school_id': 'varchar', 'term': 'varchar',
        'grade_code': 'varchar'}}) as e
    inner join counted as c
        on c.dataset = 'student' and c.school_id = e.school_id and c.period = e.school_year || '/' || e.term
    group by all
),
class as (
    select c.school_id, c.period, f.grade_code, sum(f.reported_pupils) as pupils
    from fact_class as f
    inner join counted as c on c.dataset = 'class' and c.school_id = 'S' || f.school_code and c.period = f.period
    where f.reported_pupils is not null group by all
),
form as (
    select 'S' || school_code as school_id, left(period, 9) || '/1' as period, row_code as grade_code,
        sum(case when is_not_applicable = '1' then 0 else value end) as pupils
    from '{out}/truth/facts/base_table_figure.parquet'
    where column_code = 'pupils_total' and row_code <> 'total' group by all
),
-- A class of several grades says its pupils by the grade of its register; those of its other grades who are in no class
-- stay in their own.
mixed as (
    select distinct c.school_id, c.period, s.grade_code, f.grade_code as register_grade
    from fact_class as f
    inner join counted as c on c.dataset = 'class' and c.school_id = 'S' || f.school_code and c.period = f.period
    inner join '{out}/truth/facts/student.parquet' as s
        on s.school_code = f.school_code and s.period = f.period and s.class_code = f.class_code
    where f.class_kind_code in (select class_kind_code from mixed_kind) and s.grade_code <> f.grade_code
),
registered as (
    select r.school_id, r.period, m.register_grade as grade_code, r.pupils - coalesce(u.pupils, 0) as pupils
    from roster as r inner join mixed as m using (school_id, period, grade_code)
    left join unclassed as u using (school_id, period, grade_code)
    union all
    select r.school_id, r.period, r.grade_code, if(m.grade_code is null, r.pupils, u.pupils)
    from roster as r left join mixed as m using (school_id, period, grade_code)
    left join unclassed as u using (school_id, period, grade_code)
    where m.grade_code is null or u.pupils > 0
),
by_register as (select school_id, period, grade_code, sum(pupils) as pupils from registered group by all),
came as (select distinct school_id, period from roster),
compared as (select distinct school_id, period from came semi join class using (school_id, period)),
by_grade as (
    select 'pupils_by_grade' as measure, period, school_id, grade_code, coalesce(by_register.pupils, 0) as counted,
        coalesce(class.pupils, 0) as other
    from by_register full join class using (school_id, period, grade_code) semi join compared using (school_id, period)
)
from by_grade
union all
select 'pupils_by_school', period, school_id, '', sum(counted), sum(other) from by_grade group by all
union all
select 'pupils_by_grade_in_forms', form.period, form.school_id, form.grade_code, coalesce(roster.pupils, 0), form.pupils
from form left join roster using (school_id, period, grade_code)
semi join came on came.school_id = form.school_id and came.period = form.period
union all
select 'staff_in_post', staff.period, 'S' || staff.school_code, '', staff.members, post.members
from (
    select school_code, period, sum(members) as members from (
        select school_code, period, count(*) as members from '{out}/truth/facts/staff.parquet'
        where staff_status_code = '11' group by all
        union all select school_code, period, change from staff_change
    ) where period like '%/1' group by all
) as staff
inner join (
    select school_code, period, org, count(distinct sid) as members from '{out}/truth/facts/staff_post.parquet'
    where appointment_code not in ('2', '3') group by all
) as post on post.school_code = staff.school_code and post.period = left(staff.period, 9)
semi join unit on unit.dataset = 'staff' and unit.school_code = staff.school_code and unit.period = staff.period
    and unit.status in ('received', 'late')
semi join sent on sent.dataset = 'staff_post' and sent.period = post.period and sent.org in (post.school_code, post.org)
    and not sent.is_refused and not sent.is_withheld
"""


def open_truth(out: Path, withheld: frozenset[str] = frozenset()) -> duckdb.DuckDBPyConnection:
    """Return a connection with what is known of a city of which no file was sent twice.

    `ledger` is the ledger; `unit` (dataset, school_code, period, due_date, file, status, received_at, days_late) has
    every unit that the calendar, the kind of the school and its grades ask for; `pair` (measure, period, school_id, grade_code,
    counted, other) every figure that two datasets tell.

    Args:
        out: folder of the city.
        withheld: files of the inbox that were never sent, as the ledger names files.
    """
    truth = duckdb.connect()
    types = "{'row_number': 'integer', 'class_no': 'integer', 'sheet': 'varchar', 'field': 'varchar'}"
    truth.execute(f"create table ledger as from read_csv('{out}/truth/defects.csv', header = true, types = {types})")
    _list_files(truth, out, withheld)
    seeds = {"calendar": "submission_calendar", "scope": "dataset_scope", "covered": "dataset_grade"}
    seeds["mixed_kind"] = "mixed_grade_class"
    for name, seed in seeds.items():
        rows = seed_rows(seed)
        truth.execute(f"create table {name} ({', '.join(f'{column} varchar' for column in rows[0])})")
        truth.executemany(
            f"insert into {name} values ({', '.join('?' * len(rows[0]))})", [tuple(row.values()) for row in rows]
        )
    _list_facts(truth, out)
    _change_as_sent(truth, out)
    _list_unclassed(truth, out)
    _list_staff_changes(truth, out)
    truth.execute(UNITS)
    truth.execute(NOT_OWED.format(out=out))
    truth.execute(PAIRS.format(out=out))
    return truth


def _list_files(truth: duckdb.DuckDBPyConnection, out: Path, withheld: frozenset[str]) -> None:
    """Make `sent`: one file of the inbox, with who sent it, when, and whether it was refused or never sent."""
    truth.execute(
        "create table sent (file varchar, dataset varchar, org varchar, period varchar, received_at timestamp, "
        "is_refused boolean, is_withheld boolean)"
    )
    refused = {file for (file,) in truth.execute("select file from ledger where expected = 'rejected'").fetchall()}
    rows = []
    for path in sorted((out / "inbox").rglob("*.meta.json")):
        meta = json.loads(path.read_text(encoding="utf-8"))
        file = path.relative_to(out / "inbox").as_posix().removesuffix(".meta.json")
        told = [meta[name] for name in ("dataset", "org", "period", "received_at")]
        rows.append((file, *told, file in refused, file in withheld))
    truth.executemany("insert into sent values (?, ?, ?, ?, ?, ?, ?)", rows)


def _list_facts(truth: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Make `fact` (which school has rows of a dataset in a period, and who sends them), `fact_school`, `fact_class`."""
    selects = []
    for path in sorted((out / "truth" / "facts").glob("*.parquet")):
        columns = [row[0] for row in truth.execute(f"describe from '{path}'").fetchall()]
        if "school_code" in columns:
            org = "org" if "org" in columns else "cast(null as varchar)"
            selects.append(f"select distinct '{path.stem}' as dataset, school_code, period, {org} as org from '{path}'")
    truth.execute(f"create table fact as {' union all '.join(selects)}")
    for dataset in ("school", "class"):
        truth.execute(f"create table fact_{dataset} as from '{out}/truth/facts/{dataset}.parquet'")


def _change_as_sent(truth: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Bring kinds of schools and class sizes to what the ledger's rows say, and make `held` of those that it holds."""
    truth.execute("create table held (dataset varchar, school_code varchar, period varchar)")
    places = truth.execute(
        "select l.file, l.sheet, l.row_number, l.field, l.expected, s.dataset, s.period from ledger as l "
        "inner join sent as s using (file) where l.row_number is not null and not s.is_withheld and (l.expected = 'held' "
        "or s.dataset in ('school', 'class') and (l.field in ('school_kind_code', 'reported_pupils') or l.expected = 'quarantined'))"
    ).fetchall()
    for file, sheet, row_number, field, expected, dataset, period in places:
        row = sent_row(out, file, sheet, row_number)
        if expected == "held":
            truth.execute("insert into held values (?, ?, ?)", [dataset, row["school_code"], period])
            continue
        key = {"period": period, "school_code": row["school_code"]}
        key |= {"class_code": row["class_code"]} if dataset == "class" else {}
        where, values = " and ".join(f"{name} = ?" for name in key), list(key.values())
        found = truth.execute(f"select count(*) from fact_{dataset} where {where}", values).fetchone()
        assert found == (1,), (file, row_number, key)
        if expected == "quarantined":
            truth.execute(f"delete from fact_{dataset} where {where}", values)
        else:
            figure = unicodedata.normalize("NFKC", row[field]).replace(",", "").removesuffix("人")
            new = None if expected == "accepted_incomplete" else figure
            truth.execute(f"update fact_{dataset} set {field} = ? where {where}", [new, *values])


def _list_unclassed(truth: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Make `unclassed`: how many pupils of a school's grade lost their class, as the ledger's rows say."""
    truth.execute("create table lost_class (school_id varchar, period varchar, grade_code varchar)")
    places = truth.execute(
        "select l.file, l.sheet, l.row_number, s.period from ledger as l inner join sent as s using (file) "
        "where s.dataset = 'student' and l.field = 'class_code' and l.expected in ('case', 'accepted_incomplete')"
    ).fetchall()
    for file, sheet, row_number, period in places:
        row = sent_row(out, file, sheet, row_number)
        if _code("status_code", row["status_code"]) in ENROLLED:
            grade = _code("grade_code", row["grade_code"])
            truth.execute("insert into lost_class values ('S' || ?, ?, ?)", [row["school_code"], period, grade])
    truth.execute("create table unclassed as select *, count(*) as pupils from lost_class group by all")


def _list_staff_changes(truth: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Make `staff_change`: members in service whom a school has more or less of than in the facts, as the ledger says."""
    truth.execute("create table staff_change (school_code varchar, period varchar, change integer)")
    places = truth.execute(
        "select l.file, l.sheet, l.row_number, l.class_no, l.expected, s.period from ledger as l "
        "inner join sent as s using (file) where s.dataset = 'staff' and not s.is_refused and not s.is_withheld "
        "and l.expected in ('quarantined', 'case')"
    ).fetchall()
    known = truth.execute("select distinct period, school_code from fact_school").fetchall()
    staff_states = code_sets()[str(get_contract("staff").field("staff_status_code").code_set)]
    for file, sheet, row_number, class_no, expected, period in places:
        row = sent_row(out, file, sheet, row_number)
        status = row["phone" if class_no == MOVED_COLUMNS else "staff_status_code"]
        assert _code("staff_status_code", status, "staff") in staff_states, (file, row_number)
        if _code("staff_status_code", status, "staff") != IN_SERVICE:
            continue
        # A code that no register has is broken in its first two digits; the rest is the school's own.
        [school] = [code for term, code in known if term == period and code[2:] == row["school_code"][2:]]
        truth.execute("insert into staff_change values (?, ?, ?)", [school, period, 1 if expected == "case" else -1])


def _code(field: str, text: str, dataset: str = "student") -> str:
    """Return the code of a cell, which holds the code or its name."""
    names = code_sets()[str(get_contract(dataset).field(field).code_set)]
    return next((code for code, name in names.items() if name == text), text)


def sent_row(out: Path, file: str, sheet: str | None, row_number: int) -> dict[str, str]:
    """Return one row of a file of the inbox as it was sent: field of the contract → text of the cell."""
    path, contract = out / "inbox" / file, get_contract(Path(file).parts[1])
    names = {
        text: spec.name
        for profile in contract.profiles
        for spec in contract.profile_fields(profile)
        for text in (contract.header(profile, spec.name), spec.label, *spec.aliases)
    }
    if path.suffix == ".csv":
        content = path.read_bytes()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("gb18030")
        rows = list(csv.reader(text.splitlines()))
        # Records are counted from the header on, whatever stands above it.
        rows = rows[max(range(min(len(rows), HEADER_ROWS)), key=lambda at: sum(cell in names for cell in rows[at])) :]
    else:
        # By its content: the ending of a file is one of the defects.
        book = load_workbook(BytesIO(path.read_bytes()), read_only=True)
        body = book[sheet] if sheet else book.worksheets[0]
        rows = [["" if cell is None else str(cell) for cell in row] for row in body.iter_rows(values_only=True)]
    above = rows[: min(HEADER_ROWS, row_number - 1)]
    found = {}
    for column, cell in enumerate(rows[row_number - 1]):
        texts = (row[column].strip("* ") for row in above if column < len(row))
        name = next((names[text] for text in texts if text in names), None)
        if name:
            found[name] = cell
    sender = Path(file).parts[0]
    if len(sender) == SCHOOL_CODE_WIDTH:
        # All rows of a school's file are its own; the cell may be one that many rows share.
        found["school_code"] = sender
    return found
