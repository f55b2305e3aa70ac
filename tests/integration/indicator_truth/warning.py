"""Early warnings a second time: what each rule looks at, from the true facts; the lines are written out here."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from indicator_truth.common import ROOT, areas

LINES = {
    ("pupils_falling", "school"): (15, 5, 30),
    ("pupils_falling", "county"): (8, 4, 30),
    ("teacher_loss", "school"): (15, 5, 5),
    ("teacher_loss", "county"): (5, 2, 5),
    ("large_classes", "school"): (10, 10, 1),
    ("large_classes", "county"): (5, 5, 1),
    ("dropout_suspected", "school"): (1, 1, 0),
    ("dropout_suspected", "county"): (2, 2, 0),
    ("reports_missing", "school"): (10, 10, 1),
    ("reports_missing", "county"): (5, 5, 1),
    ("reports_late", "school"): (20, 20, 1),
    ("reports_late", "county"): (10, 10, 1),
    ("reports_late", "city"): (5, 5, 1),
    ("myopia_primary", "school"): (36, 36, 30),
    ("myopia_primary", "county"): (36, 36, 30),
    ("myopia_junior", "school"): (71.6, 71.6, 30),
    ("myopia_junior", "county"): (71.6, 71.6, 30),
    ("myopia_senior", "school"): (81, 81, 30),
    ("myopia_senior", "county"): (81, 81, 30),
}
"""Value from which a rule warns, value of the next year from which it happened, least base."""
OWED = (
    "school campus_facility class digital_campus elective_choice finance fitness graduate_outcome staff staff_post "
    "staff_training student vision"
)
"""Datasets that whole kinds of schools owe. A clean city sends all of it in time, and nothing of it where nothing is owed;
only a small school whose teachers were in no training sends none, which nobody can tell from a report that is missing."""


def last_day(inbox: Path) -> str:
    """Day of the last delivery, from the letters that came with the files."""
    return max(json.loads(file.read_text(encoding="utf-8"))["received_at"] for file in inbox.rglob("*.meta.json"))[:10]


def prepare(truth: duckdb.DuckDBPyConnection, inbox: Path) -> None:
    """Make the tables `measure` (rule, year, area_level, area_id, numerator, denominator, value) and `line`."""
    calendar = ROOT / "dbt_project" / "seeds" / "submission_calendar.csv"
    due = f"""
        (select dataset, period from read_csv('{calendar}', header = true, all_varchar = true)
        where due_at_city < '{last_day(inbox)}')
    """
    sent = " union all ".join(
        f"select distinct '{dataset}' as dataset, period, school_code from {dataset}" for dataset in OWED.split()
    )
    owed = f"""
        select s.year, s.school_id, s.division_code, count(*) as n
        from ({sent}) as f join {due} as c on c.dataset = f.dataset and c.period = f.period
        join site as s on s.school_code = f.school_code
            and s.start_year = cast(replace(f.period, 'FY', '')[:4] as integer)
        group by all
    """
    untrained = f"""
        select s.year, s.school_id, s.division_code from site as s join {due} as c on c.dataset = 'staff_training' and c.period = s.year
        where s.school_kind_code in (select o.school_kind_code from site as o join staff_training as t
                on t.school_code = o.school_code and t.period = o.year)
            and not exists (select 1 from staff_training as t where t.school_code = s.school_code and t.period = s.year)
    """
    missing = f"""
        select year, school_id, division_code, 0 as top, n as bottom from ({owed})
        union all select year, school_id, division_code, 1, 1 from ({untrained})
    """
    roll = """
        select s.year, s.start_year, s.school_id, s.division_code, count(p.pid) as n from site as s
        left join pupil as p on p.school_code = s.school_code and p.year = s.year group by all
    """
    roster = """
        select s.year, s.start_year, s.school_id, s.division_code, count(t.sid) as n from site as s
        left join on_roster as t on t.school_code = s.school_code and t.year = s.year and t.staff_category_code = '11'
        group by all
    """
    fall = """
        select now.year, now.school_id, now.division_code, before.n - now.n as top, before.n as bottom
        from ({0}) as now join ({0}) as before
            on before.school_id = now.school_id and before.start_year = now.start_year - 1
    """
    classes = """
        select s.year, s.school_id, s.division_code, count(*) filter (where c.n >= 56) as top, count(*) as bottom
        from (select school_code, year, stage, class_code, count(*) as n from pupil where class_code is not null
            and stage <> 'higher' group by all) as c
        join site as s on s.school_code = c.school_code and s.year = c.year group by all
    """
    ledger = """
        select s.year, s.school_id, s.division_code,
            count(*) filter (where u.support_kind_code = '5' and u.return_code in ('1', '5')) as top, null as bottom
        from student_support as u join site as s on s.school_code = u.school_code and s.year = u.period[:9] group by all
    """
    sight = """
        select s.year, s.school_id, s.division_code, count(*) filter (where myopic) as top, count(myopic) as bottom
        from (select t.year, t.school_code, x.myopic from taught as t left join (
                select period[:9] as year, school_code, stage_of(grade_code) as stage, wears_ok_lens = '1'
                    or (naked_left < 5.0 and 2 * sphere_left + cylinder_left < -1.00)
                    or (naked_right < 5.0 and 2 * sphere_right + cylinder_right < -1.00) as myopic
                from vision where period[11:] in ('', '1')
            ) as x on x.year = t.year and x.school_code = t.school_code and x.stage = t.stage
            where t.stage = '{0}') as v
        join site as s on s.school_code = v.school_code and s.year = v.year group by all
    """
    parts = {
        "pupils_falling": fall.format(roll),
        "teacher_loss": fall.format(roster),
        "large_classes": classes,
        "dropout_suspected": ledger,
        "reports_missing": missing,
        "reports_late": f"select year, school_id, division_code, 0 as top, n as bottom from ({owed})",
        **{f"myopia_{stage}": sight.format(stage) for stage in ("primary", "junior", "senior")},
    }
    measures = " union all ".join(
        f"select '{rule}' as rule, year, area_level, area_id, sum(top) as numerator, sum(bottom) as denominator, "
        + ("sum(top)" if rule == "dropout_suspected" else "100.0 * sum(top) / nullif(sum(bottom), 0)")
        + f" as value from ({areas(rows)}) where ('{rule}', area_level) in ({', '.join(map(str, LINES))}) group by all"
        for rule, rows in parts.items()
    )
    lines = ", ".join(f"('{rule}', '{level}', {', '.join(map(str, of))})" for (rule, level), of in LINES.items())
    truth.execute(
        f"""
        create table measure as {measures};
        create table line as select * from (values {lines}) as l(rule, area_level, threshold, outcome, least);
        create table judged as
        select m.*, m.value >= l.threshold and coalesce(m.denominator, l.least) >= l.least as is_warned,
            m.value >= l.outcome as is_there
        from measure as m join line as l on l.rule = m.rule and l.area_level = m.area_level
        """
    )


WARNINGS = "select rule, year, area_level, area_id, round(value, 4) from judged where is_warned"
BACKTEST = """
    select now.rule, now.area_level, now.year, count(*), count(*) filter (where now.is_warned),
        count(*) filter (where later.is_there), count(*) filter (where now.is_warned and later.is_there)
    from judged as now join judged as later on later.rule = now.rule and later.area_level = now.area_level
        and later.area_id = now.area_id and cast(later.year[:4] as integer) = cast(now.year[:4] as integer) + 1
    where now.value is not null and later.value is not null group by all
"""
