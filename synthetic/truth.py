"""The true figures, by a plain second method over the world's own tables.

Nothing here reads a model of the warehouse; the definitions are those of `docs/architecture.md` §5 and 教督〔2017〕6号.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from math import sqrt
from pathlib import Path
from typing import Any

from edu.codes import seed_rows
from synthetic.defects import Effects
from synthetic.world import World

THRESHOLDS = {
    "primary": (4.2, 1.0, 0.9, 4.5, 7.5, 2000.0, 2.3),
    "junior": (5.3, 1.0, 0.9, 5.8, 10.2, 2500.0, 2.4),
}
FLOOR_SHARE = 0.85
CV_LIMITS = {"primary": 0.50, "junior": 0.45}
KINDS = ("211", "218", "311", "312", "341", "345")
WEIGHTS = {"312": (1.0, 1.1, 0.0), "341": (0.0, 1.0, 1.2), "345": (1.0, 1.1, 1.32)}
REQUIRED = {"primary": 4, "junior": 5}
"""Indicator 1: rank above the one required of the stage (4 is 专科, 5 is 本科)."""
ARTS_AND_SPORTS = ("22", "23", "24", "25")
JUDGED_WITH = {"421071": "421002"}
STAGES = ("primary", "junior")
ENROLLED = "('01', '05')"


def write_truth(world: World, effects: Effects, folder: Path) -> None:
    """Write one CSV a mart, for the city as it is reported once `effects` have taken rows away."""
    folder.mkdir(parents=True, exist_ok=True)
    db = world.db
    for name, columns, rows in (
        ("gone_student", ("pid", "period"), effects.students),
        ("gone_staff", ("sid", "period"), effects.staff),
        ("guest", ("dataset", "person", "host", "period"), effects.guests),
        ("gone_unit", ("dataset", "school_code", "period"), effects.units),
    ):
        db.execute(f"create or replace temp table {name} ({', '.join(c + ' varchar' for c in columns)})")
        if rows:
            db.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)
    db.execute(
        "create or replace temp table reported "
        "(dataset varchar, owner varchar, period varchar, field varchar, value varchar)"
    )
    if effects.values:
        db.executemany("insert into reported values (?, ?, ?, ?, ?)", effects.values)
    _reported(world)
    for table, select in _PLAIN.items():
        db.execute(f"copy ({select}) to '{folder / table}.csv' (header, delimiter ',')")
    schools = _balanced_schools(world)
    _write(folder / "analysis.balanced_school.csv", SCHOOL_COLUMNS, schools)
    _write(folder / "analysis.balanced_county.csv", COUNTY_COLUMNS, _balanced_counties(schools))


def _reported(world: World) -> None:
    world.db.execute(
        f"""
        create or replace temp table seen as
        select t.pid, t.school_code, t.period, t.school_year, t.term, t.snapshot_date, t.stage, t.grade_code,
            case when c.owner is null then t.class_code end as class_code,
            -- Without its register nobody knows that a class is one of two grades.
            t.is_mixed_grade and c.owner is null and not exists (select 1 from gone_unit as g
                where g.dataset = 'class' and g.school_code = t.school_code and g.period = t.period) as is_mixed_grade,
            t.class_grade_code, s.division_code, coalesce(x.value, r.sex_code) as sex_code, r.boarding_code
        from pupil_term as t inner join school as s using (school_code)
        inner join rows_student as r on r.pid = t.pid and r.period = t.period
        left join reported as x
            on x.dataset = 'student' and x.field = 'sex_code' and x.owner = t.pid and x.period = t.period
        left join reported as c
            on c.dataset = 'student' and c.field = 'class_code' and c.owner = t.pid and c.period = t.period
        where t.status_code in {ENROLLED}
            and not exists (select 1 from gone_student as g where g.pid = t.pid and g.period = t.period)
            and not exists (select 1 from gone_unit as g
                where g.dataset = 'student' and g.school_code = t.school_code and g.period = t.period)
        """
    )
    world.db.execute(
        """
        insert into seen by name
        select s.pid, h.school_code, h.period, h.school_year, h.term, h.snapshot_date, h.stage, h.grade_code,
            h.class_code, h.is_mixed_grade, h.class_grade_code, h.division_code, s.sex_code, s.boarding_code
        from guest as g inner join seen as s on s.pid = g.person and s.period = g.period
        inner join seen as h on h.pid = g.host and h.period = g.period
        where g.dataset = 'student'
        """
    )
    ranks = ", ".join(f"('{r['education_code']}', {r['education_rank']})" for r in seed_rows("education_rank"))
    world.db.execute(
        f"""
        create or replace temp table teaching as
        select f.sid, f.school_code, f.period, t.school_year, t.term, t.snapshot_date, s.division_code,
            coalesce(p.stage, '') as stage, k.rank, f.subject_code, f.title_code in ('1', '2') as is_senior,
            f.is_backbone = '1' as is_backbone, f.has_certificate = '1' as has_certificate
        from staff_term as f inner join term as t using (period) inner join school as s using (school_code)
        inner join staff as p on p.sid = f.sid
        left join (values {ranks}) as k(education_code, rank) on k.education_code = f.education_code
        where f.staff_category_code = '11' and f.staff_status_code = '11'
            and not exists (select 1 from gone_staff as g where g.sid = f.sid and g.period = f.period)
            and not exists (select 1 from gone_unit as g
                where g.dataset = 'staff' and g.school_code = f.school_code and g.period = f.period)
        """
    )
    world.db.execute(
        """
        insert into teaching by name
        select t.* replace (h.school_code as school_code, s.division_code as division_code)
        from guest as g inner join teaching as t on t.sid = g.person and t.period = g.period
        inner join staff as h on h.sid = g.host inner join school as s on s.school_code = h.school_code
        where g.dataset = 'staff'
        """
    )


_NEEDED = (
    "case stage when 'preschool' then 3 when 'primary' then 3 when 'junior' then 4 when 'senior' then 5 "
    "when 'vocational' then 5 when 'special' then 4 when 'higher' then 6 end"
)
_HIGHER = (
    "case stage when 'preschool' then 4 when 'primary' then 4 when 'junior' then 5 when 'senior' then 6 "
    "when 'vocational' then 6 when 'special' then 5 when 'higher' then 7 end"
)
_UNIT_GONE = (
    "exists (select 1 from gone_unit as g where g.dataset = '{dataset}' and g.school_code = k.school_code "
    "and g.period = k.period)"
)
_PLAIN = {
    "analysis.enrolment": """
        select school_year, term, snapshot_date, division_code, 'S' || school_code as school_id, stage, grade_code,
            count(*) as pupils, count(*) filter (where sex_code = '2') as pupils_female,
            count(*) filter (where boarding_code = '2') as pupils_boarding, 'provisional' as data_status
        from seen group by all order by all
    """,
    "analysis.class_size": """
        select school_year, term, snapshot_date, division_code, 'S' || school_code as school_id, stage,
            if(is_mixed_grade, class_grade_code, grade_code) as grade_code, class_code, is_mixed_grade,
            count(*) as pupils, case when count(*) <= 25 then '1' when count(*) <= 35 then '2'
                when count(*) <= 45 then '3' when count(*) <= 55 then '4' when count(*) <= 65 then '5' else '6' end
                as size_band_code,
            count(*) >= 56 as is_large, count(*) >= 66 as is_oversize, 'provisional' as data_status
        from seen where class_code is not null group by all order by all
    """,
    "analysis.staffing": f"""
        with p as (select school_code, period, stage, count(*) as pupils from seen group by all),
        f as (
            select school_code, period, stage, count(*) as teachers, count(*) filter (where rank >= {_NEEDED}) as qualified,
                count(*) filter (where rank >= {_HIGHER}) as higher, count(*) filter (where has_certificate) as certified,
                count(*) filter (where is_backbone) as backbone, count(*) filter (where is_senior) as senior
            from teaching group by all
        ),
        k as (select school_code, period, stage from p union select school_code, period, stage from f),
        j as (
            select k.*, p.pupils, f.*, {_UNIT_GONE.format(dataset="staff")} as no_staff,
                {_UNIT_GONE.format(dataset="student")} as no_pupils
            from k left join p on p.school_code = k.school_code and p.period = k.period and p.stage = k.stage
            left join f on f.school_code = k.school_code and f.period = k.period and f.stage = k.stage
        )
        select t.school_year, t.term, t.snapshot_date, s.division_code, 'S' || j.school_code as school_id, j.stage,
            case when not no_pupils then coalesce(pupils, 0) end as pupils,
            case when not no_staff then coalesce(teachers, 0) end as full_time_teachers,
            case when not no_staff then coalesce(qualified, 0) end as qualified_teachers,
            case when not no_staff then coalesce(higher, 0) end as higher_qualified_teachers,
            case when not no_staff then coalesce(certified, 0) end as certified_teachers,
            case when not no_staff then coalesce(backbone, 0) end as backbone_teachers,
            case when not no_staff then coalesce(senior, 0) end as senior_title_teachers,
            case when not no_staff and not no_pupils and teachers > 0 then round(coalesce(pupils, 0) / teachers, 4) end
                as pupil_teacher_ratio,
            case when not no_staff and teachers > 0 then round(100 * qualified / teachers, 4) end as qualified_pct,
            case when not no_staff and teachers > 0 then round(100 * higher / teachers, 4) end as higher_qualified_pct,
            case when no_staff or no_pupils then 'missing' else 'provisional' end as data_status
        from j inner join term as t using (period) inner join school as s on s.school_code = j.school_code
        order by all
    """,
    "analysis.learning_activity": """
        select '421000' as submitter_org, school_year as period, code_module, code_presentation,
            count(distinct id_student) as learners, count(distinct date) as active_days, count(distinct id_site) as resources,
            sum(sum_click) as clicks, 'provisional' as data_status
        from activity group by all order by all
    """,
}
SCHOOL_COLUMNS = (
    *("school_year", "division_code", "school_id", "stage", "indicator_no", "numerator", "pupils", "value"),
    *("threshold", "floor_value", "is_met", "is_floor_met", "data_status"),
)
COUNTY_COLUMNS = (
    *("school_year", "division_code", "stage", "indicator_no", "mean", "std", "cv", "cv_limit", "is_met"),
    *("schools", "pupils", "data_status"),
)


def _shares(kind: str, pupils: dict[str, int]) -> dict[str, float]:
    """Return the share of a school's premises that each stage is attributed."""
    weights = WEIGHTS.get(kind, (1.0, 1.0, 1.0))
    weighted = {s: w * pupils.get(s, 0) for s, w in zip(("primary", "junior", "senior"), weights, strict=True)}
    total = sum(weighted.values())
    return {stage: value / total for stage, value in weighted.items() if total}


def _balanced_schools(world: World) -> list[tuple[Any, ...]]:
    db = world.db
    pupils: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for school, year, stage, n in db.execute(
        "select school_code, school_year, stage, count(*) from seen where term = 1 group by all"
    ).fetchall():
        pupils[(school, year)][stage] = n
    teachers: dict[tuple[str, str, str], list[int]] = {}
    for school, year, stage, high4, high5, backbone, arts in db.execute(
        f"""
        select school_code, school_year, stage, count(*) filter (where rank >= 4), count(*) filter (where rank >= 5),
            count(*) filter (where is_backbone), count(*) filter (where subject_code in {ARTS_AND_SPORTS})
        from teaching where term = 1 group by all
        """
    ).fetchall():
        teachers[(school, year, stage)] = [high4 if REQUIRED.get(stage) == 4 else high5, backbone, arts]
    premises: dict[tuple[str, str], list[float | None]] = {
        (row[0], row[1]): [None if value is None else float(value) for value in row[2:]]
        for row in db.execute(
            """
            select school_code, school_year,
                sum(teaching_area_m2) - sum(indoor_sports_area_m2),
                sum(sports_ground_area_m2) + sum(indoor_sports_area_m2), sum(equipment_value_yuan), sum(multimedia_classrooms)
            from facility as f where not exists (select 1 from gone_unit as g where g.dataset = 'campus_facility'
                and g.school_code = f.school_code and g.period = f.school_year)
            group by all
            """
        ).fetchall()
    }
    # A campus whose teaching area is not known leaves both figures of areas of its school unknown.
    for school, year in db.execute("select owner, period from reported where dataset = 'campus_facility'").fetchall():
        premises[(school, year)][:2] = [None, None]
    gone_staff = {
        (row[0], row[1][:9])
        for row in db.execute(
            "select school_code, period from gone_unit where dataset = 'staff' and period like '%/1'"
        ).fetchall()
    }
    schools = {s.school_code: s for s in world.schools}
    registered = {
        (row[0], row[1][:9]): row[2]
        for row in db.execute(
            "select owner, period, value from reported where dataset = 'school' and field = 'school_kind_code'"
        ).fetchall()
    }
    result: list[tuple[Any, ...]] = []
    for (code, year), counts in sorted(pupils.items()):
        school = schools[code]
        kind = registered.get((code, year), school.school_kind_code)
        if kind not in KINDS:
            continue
        shares = _shares(kind, counts)
        for stage in STAGES:
            n = counts.get(stage, 0)
            if not n or (kind == "218" and n < 50):
                continue
            staff = None if (code, year) in gone_staff else teachers.get((code, year, stage), [0, 0, 0])
            place = premises.get((code, year))
            totals: list[float | None] = [None] * 3 if staff is None else [float(x) for x in staff]
            totals += [None] * 4 if place is None else [None if x is None else x * shares[stage] for x in place]
            for number, total in enumerate(totals, start=1):
                factor = 100.0 if number in (1, 2, 3, 7) else 1.0
                value = None if total is None else factor * total / n
                threshold = THRESHOLDS[stage][number - 1]
                floor = threshold * FLOOR_SHARE
                division = JUDGED_WITH.get(school.division_code, school.division_code)
                result.append(
                    (year, division, "S" + code, stage, number, total, n, value, threshold, floor)
                    + (
                        (None, None, "missing")
                        if value is None
                        else (value >= threshold - 1e-9, value >= floor - 1e-9, "provisional")
                    )
                )
    return result


def _balanced_counties(schools: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    groups: dict[tuple[Any, ...], list[tuple[float, int]]] = defaultdict(list)
    keys = set()
    for year, division, _, stage, number, total, n, *_ in schools:
        keys.add((year, division, stage, number))
        if total is not None:
            factor = 100.0 if number in (1, 2, 3, 7) else 1.0
            groups[(year, division, stage, number)].append((factor * total, n))
    result: list[tuple[Any, ...]] = []
    for key in sorted(keys):
        limit = CV_LIMITS[key[2]]
        members = groups.get(key)
        if not members:
            result.append((*key, None, None, None, limit, None, 0, 0, "missing"))
            continue
        everyone = sum(n for _, n in members)
        mean = sum(total for total, _ in members) / everyone
        spread = sqrt(sum(n / everyone * (total / n - mean) ** 2 for total, n in members))
        cv = spread / mean if mean else None
        met = None if cv is None else cv <= limit
        result.append((*key, mean, spread, cv, limit, met, len(members), everyone, "provisional"))
    return result


ROUNDING = {"numerator": 4, "value": 4, "mean": 6, "std": 6, "cv": 6, "floor_value": 4}


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Write rows as CSV, rounded as the marts are."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(
                [
                    ""
                    if value is None
                    else str(value).lower()
                    if isinstance(value, bool)
                    else f"{value:.{ROUNDING[name]}f}"
                    if name in ROUNDING
                    else value
                    for name, value in zip(columns, row, strict=True)
                ]
            )
