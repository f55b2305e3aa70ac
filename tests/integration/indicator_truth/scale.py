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
    return " union all ".join([_rolls(), _classes(), _population()])


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
