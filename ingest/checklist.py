"""A checklist an organisation: what it is to send, until when, in which template, what arrived, what is wrong with it.

It is read from the seeds of the calendar, the run records and the rolls in the lake, never from the warehouse. A dataset of
some grades (seed dataset_grade) is not asked of a school whose whole roll of the school year has nobody in them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from edu.codes import SEEDS
from edu.contract import contracts
from edu.duck import in_memory
from edu.paths import Home
from ingest import lake

COLUMNS = {
    "school_code": ("学校标识码", 14),
    "label": ("数据集", 22),
    "period": ("学年学期", 14),
    "due_date": ("截止日期", 12),
    "template": ("模板", 22),
    "state": ("状态", 10),
    "received_at": ("收到时间", 20),
    "rows_accepted": ("接收行数", 10),
    "must_fix": ("所在报送必须更正", 16),
    "submission_id": ("报送编号", 36),
}
QUERY = """
with receipt as (
    select * from read_parquet('{runs}/submission/*.parquet', union_by_name = true) as r
    where not exists (
        select 1 from read_parquet('{runs}/withdrawal/*.parquet') as w where w.submission_id = r.submission_id
    )
    qualify row_number() over (partition by submission_id order by recorded_at desc, batch_id desc) = 1
),
-- One name for all codes that a school ever had: a file may name another than the registry of the term.
code as (
    select school_code, first_school_code
    from read_csv('{seeds}/school_code_change.csv', header = true, all_varchar = true)
),
registered as (
    select l.school_code, l.period, l.school_kind_code, l.managing_org
    from read_parquet('{lake}/school/**/*.parquet', union_by_name = true, hive_partitioning = false) as l
    inner join receipt as r on r.submission_id = l.submission_id and r.batch_id = l.batch_id
    qualify row_number() over (
        partition by l.school_code, l.period order by r.received_at desc, r.submission_id desc, l.row_number desc
    ) = 1
),
place as (
    select * from registered where $org in (school_code, managing_org) and period = coalesce($term, period)
),
expected as (
    select distinct p.school_code, coalesce(code.first_school_code, p.school_code) as school, c.dataset, c.period,
        case when p.school_code = $org then c.due_at_school else c.due_at_county end as due_date
    from place as p
    left join code on code.school_code = p.school_code
    inner join read_csv('{seeds}/submission_calendar.csv', header = true, all_varchar = true) as c
        on c.period = p.period or (p.period like '%/1' and c.period = substr(p.period, 1, 9))
    inner join read_csv('{seeds}/dataset_scope.csv', header = true, all_varchar = true) as s
        on s.dataset = c.dataset and s.school_kind_code = p.school_kind_code
),
delivered as (
    select u.dataset, coalesce(code.first_school_code, u.school_code, r.submitter_org) as school, u.period,
        r.submission_id, r.received_at, u.rows_accepted
    from read_parquet('{runs}/unit/*.parquet') as u
    inner join receipt as r on r.submission_id = u.submission_id and r.batch_id = u.batch_id
    left join code on code.school_code = coalesce(u.school_code, r.submitter_org)
    where r.status <> 'rejected'
    qualify row_number() over (
        partition by u.dataset, school, u.period order by r.received_at desc, r.submission_id desc
    ) = 1
),
roll as (
    select u.school_code, coalesce(code.first_school_code, u.school_code) as school, u.period, u.coverage,
        u.submission_id, u.batch_id
    from read_parquet('{runs}/unit/*.parquet') as u
    inner join receipt as r on r.submission_id = u.submission_id and r.batch_id = u.batch_id
    left join code on code.school_code = u.school_code
    where u.dataset = 'student' and r.status <> 'rejected'
        and not list_contains($held_rolls, u.school_code || ' ' || u.period)
    -- The newest whole roll of a date and what came after it; what it superseded says nothing any more.
    qualify (r.received_at, r.submission_id) >= coalesce(
        max((r.received_at, r.submission_id)) filter (where u.coverage = 'full')
            over (partition by school, u.period, u.snapshot_date),
        (r.received_at, r.submission_id)
    )
),
rolled as (
    select distinct school, substr(period, 1, 9) as school_year from roll where coverage = 'full'
),
covered as (select * from read_csv('{seeds}/dataset_grade.csv', header = true, all_varchar = true)),
spoken_of as (
    select distinct c.dataset, roll.school, substr(l.period, 1, 9) as school_year
    from read_parquet('{lake}/student/**/*.parquet', union_by_name = true, hive_partitioning = false) as l
    inner join roll on roll.submission_id = l.submission_id and roll.batch_id = l.batch_id
        and roll.school_code = l.school_code and roll.period = l.period
    inner join covered as c on c.grade_code = l.grade_code
    inner join read_csv('{seeds}/student_status.csv', header = true, all_varchar = true) as s
        on s.status_code = l.status_code and s.is_enrolled = 'true'
    where roll.school in (select school from expected) and not coalesce(l.is_deleted, false)
),
refused as (
    select dataset, coalesce(code.first_school_code, submitter_org) as school, period,
        max(submission_id) as submission_id
    from receipt left join code on code.school_code = submitter_org where status = 'rejected' group by all
),
must as (
    select f.submission_id, count(*) as must_fix
    from read_parquet('{runs}/finding/*.parquet', union_by_name = true) as f
    inner join receipt as r on r.submission_id = f.submission_id and r.batch_id = f.batch_id
    where f.severity in ('reject', 'quarantine', 'incomplete') group by all
)
select e.school_code, e.dataset, e.period, cast(e.due_date as date) as due_date,
    case
        when d.submission_id is not null and cast(d.received_at as date) > cast(e.due_date as date) then '迟报'
        when d.submission_id is not null then '已报'
        when x.submission_id is not null then '退回'
        when cast(e.due_date as date) < $today then '逾期未报'
        else '待报'
    end as state,
    d.received_at, d.rows_accepted, coalesce(m.must_fix, 0) as must_fix,
    coalesce(d.submission_id, x.submission_id) as submission_id
from expected as e
left join delivered as d on d.dataset = e.dataset and d.school = e.school and d.period = e.period
left join refused as x
    on x.dataset = e.dataset and x.period = e.period and x.school in (e.school, $org)
left join must as m on m.submission_id = coalesce(d.submission_id, x.submission_id)
left join rolled as o on o.school = e.school and o.school_year = substr(e.period, 1, 9)
left join spoken_of as k
    on k.dataset = e.dataset and k.school = e.school and k.school_year = substr(e.period, 1, 9)
where d.dataset is not null or x.dataset is not null or o.school is null or k.school is not null
    or e.dataset not in (select dataset from covered)
order by e.period desc, e.school_code, e.dataset
"""


def checklist(
    home: Home, org: str, period: str | None, today: date, held: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Return what an organisation has to send, one row a school, dataset and period.

    Args:
        home: the installation.
        org: a school, or a bureau for all schools that answer to it.
        period: a term; null is the newest that has a registry.
        today: the day on which due dates are looked at.
        held: units that a gate holds, each with dataset, school_code and period.
    """
    lake.ensure_state(home)
    with in_memory() as connection:
        query = QUERY.format(runs=home.runs, lake=home.lake, seeds=SEEDS)
        if period is None:
            newest = connection.execute(
                f"select max(period) from read_parquet('{home.lake}/school/**/*.parquet', union_by_name = true, "
                "hive_partitioning = false) where $org in (school_code, managing_org)",
                {"org": org},
            ).fetchone()
            period = newest[0] if newest else None
        held_rolls = [f"{u['school_code']} {u['period']}" for u in held or [] if u["dataset"] == "student"]
        cursor = connection.execute(query, {"org": org, "term": period, "today": today, "held_rolls": held_rolls})
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    waiting = {(unit["dataset"], unit["school_code"], unit["period"]) for unit in held or []}
    for row in rows:
        contract = contracts()[row["dataset"]]
        row["label"] = contract.label
        template = contract.profiles.get("template")
        row["template"] = (template.sheet or contract.label) if template else "系统对接"
        if (row["dataset"], row["school_code"], row["period"]) in waiting:
            row["state"] = "暂扣"
    return rows


def write_checklist(rows: list[dict[str, Any]], org: str, path: Path) -> None:
    """Write a checklist as a workbook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "bg_color": "#DCE9EF", "border": 1})
    alarm = book.add_format({"bg_color": "#F4B183"})
    sheet = book.add_worksheet("报送清单")
    sheet.write_string(0, 0, f"{org} 报送清单")
    for column, (title, width) in enumerate(COLUMNS.values()):
        sheet.set_column(column, column, width)
        sheet.write_string(2, column, title, bold)
    for number, row in enumerate(rows, start=3):
        is_wrong = row["state"] in ("退回", "暂扣", "逾期未报") or row["must_fix"]
        for column, name in enumerate(COLUMNS):
            text = "" if row[name] is None else str(row[name])
            sheet.write_string(number, column, text, alarm if is_wrong and name in ("state", "must_fix") else None)
    sheet.freeze_panes(3, 0)
    if rows:
        sheet.autofilter(2, 0, 2 + len(rows), len(COLUMNS) - 1)
    book.close()
