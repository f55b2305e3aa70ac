"""Digital campus and the use of resources: a second method over the true rows."""

from __future__ import annotations

from indicator_truth.common import SCHOOL_CUTS, areas

CAMPUS = {
    "campus_standard_share": "100.0 * count(*) filter (where is_digital_campus_standard = '1') / count(*)",
    "wireless_share": "100.0 * count(*) filter (where has_wireless = '1') / count(*)",
    "security_plan_share": "100.0 * count(*) filter (where has_security_plan = '1') / count(*)",
    "bandwidth": "avg(bandwidth_mbps)",
    "pupils_per_terminal": "1.0 * sum(pupils) / nullif(sum(student_terminals), 0)",
    "teachers_per_terminal": "1.0 * sum(teachers) / nullif(sum(teacher_terminals), 0)",
    "trained_teacher_share": "100.0 * sum(trained_teachers) / nullif(sum(teachers), 0)",
    "multimedia_classrooms": "sum(multimedia)",
    "multimedia_share": "100.0 * sum(multimedia) / nullif(sum(rooms), 0)",
    "multimedia_different": "count(*) filter (where multimedia_classrooms <> multimedia)",
}
USAGE = {
    "resource_school_share": "100.0 * count(*) filter (where views > 0) / count(*)",
    "resource_views": "coalesce(sum(views), 0)",
    "resource_minutes_per_pupil": "1.0 * coalesce(sum(minutes), 0) / nullif(sum(pupils), 0)",
}


def figures() -> str:
    """All figures of the topic."""
    campus = """
        select s.*, d.* exclude (school_code, period),
            (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year) as pupils,
            (select count(*) from staff as f where f.school_code = s.school_code and f.period = s.period
                and f.staff_category_code = '11' and f.staff_status_code = '11') as teachers,
            (select sum(c.multimedia_classrooms) from campus_facility as c
                where c.school_code = s.school_code and c.period = s.year) as multimedia,
            (select sum(c.classrooms) from campus_facility as c
                where c.school_code = s.school_code and c.period = s.year) as rooms
        from site as s join digital_campus as d on d.school_code = s.school_code and d.period = s.year
    """
    usage = """
        select s.* exclude (year), s.period as year, u.views, u.minutes,
            (select count(*) from student as p where p.school_code = s.school_code and p.period = s.period
                and p.status_code in ('01', '05')) as pupils
        from (
            select t.period, site.* exclude (period) from site
            join (select distinct school_code, period from school) as t
                on t.school_code = site.school_code and t.period[:9] = site.year
        ) as s
        join (select distinct school_code, period from student) as roll
            on roll.school_code = s.school_code and roll.period = s.period
        left join (select school_code, period, sum(views) as views, sum(minutes) as minutes from resource_usage group by all)
            as u on u.school_code = s.school_code and u.period = s.period
    """
    named = "(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    found = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        for rows, measures in ((campus, CAMPUS), (usage, USAGE)):
            chosen = f"select * from ({rows}) as s where {cut.format(s='s')}"
            found += [
                f"select 'digital.{code}', year, area_level, area_id, 'all', '{breakdown}', '{value}', {measure} "
                f"from ({areas(chosen, school_level=breakdown == 'all')}) group by all"
                for code, measure in measures.items()
            ]
    return f"select * from ({' union all '.join(found)}) as r{named}"


def online() -> str:
    """Learners, days, enrolments and completions of the statements, course by course and together."""
    return """
        with told as (select *, cast(occurred_at as timestamptz) at time zone 'Asia/Shanghai' as moment from learning_event),
        shown as (select *, course_id as course from told union all select *, 'all' as course from told)
        select period, course, count(distinct pid) as learners, count(distinct moment::date) as active_days,
            count(distinct (pid, moment::date)) as learner_days, count(distinct (pid, course_id)) as enrolments,
            count(distinct (pid, course_id)) filter (where is_completed = '1') as completions
        from shown group by all
    """
