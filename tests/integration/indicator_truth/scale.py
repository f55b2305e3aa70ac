"""Scale: pupils, groups, classes, schools, enrolment against population."""

from __future__ import annotations

from indicator_truth.common import CITY, LEARNER_CUTS, SCHOOL_CUTS, areas

AGES = {"preschool": (3, 5), "primary": (6, 11), "junior": (12, 14), "compulsory": (6, 14), "upper_secondary": (15, 17)}
MEMBERS = {
    "preschool": (["preschool"], ["primary"]),
    "primary": (["primary"], ["junior", "special"]),
    "junior": (["junior"], ["senior", "vocational", "special"]),
    "compulsory": (["primary", "junior"], ["senior", "vocational", "special"]),
    "upper_secondary": (["senior", "vocational"], ["higher"]),
}
"""Stages that a stage is made of, and those whose children of its age count as being at school too."""


def figures() -> str:
    """All figures of the topic."""
    return " union all ".join([_rolls(), _classes(), _population(), _upper_secondary(), _ways(), _retention()])


def _rolls() -> str:
    """Pupils, shares of groups, mean size of schools."""
    parts = []
    for (breakdown, value), school_cut in SCHOOL_CUTS.items():
        parts.append(_roll(breakdown, value, school_cut.format(s="s"), "true"))
    for (breakdown, value), learner_cut in LEARNER_CUTS.items():
        if breakdown != "all":
            parts.append(_roll(breakdown, value, "true", learner_cut.format(l="p")))
    return " union all ".join(parts)


def _roll(breakdown: str, value: str, school_cut: str, learner_cut: str) -> str:
    rows = f"""
        select t.stage, t.year, s.school_id, s.division_code, count(p.pid) filter (where {learner_cut}) as n, count(p.pid) as total
        from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
        left join pupil as p on p.school_code = t.school_code and p.year = t.year and p.stage = t.stage
        where {school_cut} group by all
    """
    named = f"year, area_level, area_id, stage, '{breakdown}', '{value}'"
    # Small groups are not shown of one school.
    by_school = breakdown in ("all", "sex")
    found = [f"select 'scale.pupils', {named}, sum(n) from ({areas(rows, school_level=by_school)}) group by all"]
    if breakdown in ("sex", "support"):
        found.append(
            f"select 'scale.group_share', {named}, 100.0 * sum(n) / nullif(sum(total), 0) "
            f"from ({areas(rows, school_level=by_school)}) group by all"
        )
    if breakdown in ("all", "residence", "ownership"):
        found.append(
            f"select 'scale.school_size', {named}, avg(n) filter (where n > 0) "
            f"from ({areas(rows, school_level=False)}) group by all"
        )
    return (
        "select * from ("
        + " union all ".join(found)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


def _classes() -> str:
    parts = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"""
            select t.stage, t.year, s.school_id, s.division_code, c.n
            from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
            left join (select school_code, year, stage, class_code, count(*) as n from pupil group by all) as c
                on c.school_code = t.school_code and c.year = t.year and c.stage = t.stage and c.class_code is not null
            where t.stage <> 'higher' and {cut.format(s="s")}
        """
        for code, measure in (
            ("class_size", "avg(n)"),
            ("large_class_share", "100.0 * avg(cast(n >= 56 as integer))"),
            ("oversize_class_share", "100.0 * avg(cast(n >= 66 as integer))"),
        ):
            parts.append(
                f"select 'scale.{code}', year, area_level, area_id, stage, '{breakdown}', '{value}', {measure} "
                f"from ({areas(rows, school_level=breakdown == 'all')}) group by all"
            )
    return " union all ".join(parts)


def _population() -> str:
    parts = []
    for sex in ("all", "1", "2"):
        of_sex = "true" if sex == "all" else f"sex_code = '{sex}'"
        breakdown = "all" if sex == "all" else "sex"
        for stage, (first, last) in AGES.items():
            same = ", ".join(f"'{name}'" for name in MEMBERS[stage][0])
            more = ", ".join(f"'{name}'" for name in (*MEMBERS[stage][0], *MEMBERS[stage][1]))
            for code, condition in (
                ("gross_enrolment_rate", f"stage in ({same})"),
                ("net_enrolment_rate", f"stage in ({same}) and age between {first} and {last}"),
                ("age_attendance_rate", f"stage in ({more}) and age between {first} and {last}"),
            ):
                rows = f"""
                    select division_code, cast(period[3:] as integer) as start_year, sum(persons) as persons, 0 as learners
                    from population where population_kind_code = '2' and age between {first} and {last} and {of_sex}
                    group by all
                    union all
                    select s.division_code, s.start_year, 0, count(*) from pupil as p
                    join site as s on s.school_code = p.school_code and s.year = p.year
                    where {condition} and p.{of_sex if sex != "all" else "pid is not null"} group by all
                """
                for level, area in (("county", "division_code"), ("city", f"'{CITY}'")):
                    parts.append(
                        f"select 'scale.{code}', start_year || '-' || (start_year + 1), '{level}', {area}, '{stage}', "
                        f"'{breakdown}', '{sex}', 100.0 * sum(learners) / sum(persons) from ({rows}) group by all"
                    )
    return " union all ".join(parts)


NEW = """
    p.grade_code in ('31', '41') and not exists (select 1 from pupil as q where q.pid = p.pid
        and q.grade_code = p.grade_code and q.start_year = p.start_year - 1)
"""
"""Entrants of upper secondary schools: the first grade without those who repeat it."""


def _upper_secondary() -> str:
    """General to vocational entrants; entrants to the graduates of the year before."""
    parts = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"""
            select s.year, s.school_id, s.division_code, count(p.pid) filter (where p.grade_code = '31') as general,
                count(p.pid) filter (where p.grade_code = '41') as vocational
            from site as s left join pupil as p on p.school_code = s.school_code and p.year = s.year and {NEW}
            where exists (select 1 from taught as t where t.school_code = s.school_code and t.year = s.year
                and t.stage in ('senior', 'vocational')) and {cut.format(s="s")} group by all
        """
        parts.append(
            f"select 'scale.senior_vocational_ratio', year, area_level, area_id, 'upper_secondary', '{breakdown}', '{value}', "
            f"sum(general) / nullif(sum(vocational), 0) from ({areas(rows, school_level=False)}) group by all"
        )
    rows = f"""
        select start_year - 1 as start_year, division_code, school_id, count(*) as entrants, 0 as graduates
        from (select p.start_year, s.division_code, p.school_id from pupil as p
            join site as s on s.school_code = p.school_code and s.year = p.year where {NEW}) group by all
        union all
        select s.start_year, s.division_code, s.school_id, 0, count(*) from graduate_outcome as g
        join site as s on s.school_code = g.school_code and s.year = g.period
        where g.grade_code = '23' and g.completion_code = '1' group by all
    """
    parts.append(
        "select 'scale.promotion_rate', start_year || '-' || (start_year + 1), area_level, area_id, 'junior', 'all', 'all', "
        "case when max(start_year) < (select max(start_year) from site) then 100.0 * sum(entrants) / sum(graduates) end "
        f"from ({areas(rows, school_level=False)}) where start_year >= (select min(start_year) from site) group by all"
    )
    return " union all ".join(parts)


def _ways() -> str:
    """Further study of graduates, learners who dropped out."""
    parts = []
    both = [(k, v, "true") for k, v in SCHOOL_CUTS.items()]
    both += [(k, "true", v) for k, v in LEARNER_CUTS.items() if k != ("all", "all")]
    for (breakdown, value), school_cut, learner_cut in both:
        by_school = breakdown in ("all", "sex")
        leavers = f"""
            select t.stage, t.year, s.school_id, s.division_code, count(*) filter (where g.outcome_code[1] = '1') as n,
                count(g.pid) as total
            from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
            left join (
                select g.*, l.is_migrant, l.left_behind_code, l.disability_code from graduate_outcome as g
                left join pupil as l on l.pid = g.pid and l.school_code = g.school_code and l.year = g.period
                where g.completion_code = '1'
            ) as g on g.school_code = t.school_code and g.period = t.year and stage_of(g.grade_code) = t.stage
                and {learner_cut.format(l="g")}
            where t.stage in ('junior', 'senior') and {school_cut.format(s="s")} group by all
        """
        left = f"""
            select t.stage, t.year, s.school_id, s.division_code, count(p.pid) as total,
                count(p.pid) filter (where {GONE}) as n
            from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
            left join pupil as p on p.school_code = t.school_code and p.year = t.year and p.stage = t.stage
                and {learner_cut.format(l="p")}
            where t.stage in ('primary', 'junior', 'senior', 'vocational') and {school_cut.format(s="s")} group by all
        """
        for code, rows in (("graduate_progression_rate", leavers), ("dropout_rate", left)):
            parts.append(
                f"select 'scale.{code}', year, area_level, area_id, stage, '{breakdown}', '{value}', "
                f"100.0 * sum(n) / nullif(sum(total), 0) from ({areas(rows, school_level=by_school)}) group by all"
            )
    return " union all ".join(parts)


GONE = """
    (exists (select 1 from student_event as e where e.pid = p.pid and e.period[:9] = p.year
        and e.event_kind_code in ('18', '31', '42') and e.approved_date is not null)
     or exists (select 1 from student as n where n.pid = p.pid and n.period = p.year || '/2'
        and n.status_code in ('03', '06', '14', '15')))
    and not exists (select 1 from student as n where n.pid = p.pid and n.period = p.year || '/2'
        and n.status_code in ('01', '05'))
"""


def _retention() -> str:
    """A city of few years cannot say how many stayed for nine; the figures are there, and empty."""
    parts = []
    junior = (
        "select s.* from site as s where exists (select 1 from taught as t where t.school_code = s.school_code "
        "and t.year = s.year and t.stage = 'junior')"
    )
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"select s.* from ({junior}) as s where {cut.format(s='s')}"
        parts.append(
            f"select distinct 'scale.retention_three_year', year, area_level, area_id, 'junior', '{breakdown}', '{value}', "
            f"cast(null as double) from ({areas(rows, school_level=breakdown == 'all')})"
        )
    for breakdown, value in (("all", "all"), ("sex", "1"), ("sex", "2")):
        parts.append(
            f"select distinct 'scale.retention_nine_year', year, area_level, area_id, 'compulsory', '{breakdown}', "
            f"'{value}', cast(null as double) from ({areas(junior, school_level=False)})"
        )
    return " union all ".join(parts)
