"""Vocational and higher education: ways of graduates, cooperation, universities by kind, conditions of schools."""

from __future__ import annotations

from indicator_truth.common import KIND_STAGES, SCHOOL_CUTS, areas

STAGES = ("vocational", "higher")


def figures() -> str:
    """All figures of the topic."""
    found = []
    kinds = ", ".join(f"('{k}', '{s}')" for k, stages in KIND_STAGES.items() for s in stages if s in STAGES)
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        if breakdown == "residence":
            continue
        of_kind = f"site as s join (values {kinds}) as k(kind, stage) on k.kind = s.school_kind_code"
        graduates = f"""
            select k.stage, s.year, s.school_id, s.division_code, g.outcome_code as way, g.is_matched_major as fits
            from {of_kind} left join graduate_outcome as g on g.school_code = s.school_code and g.period = s.year
                and g.stage = k.stage and g.completion_code = '1' where {cut.format(s="s")}
        """
        projects = f"""
            select k.stage, s.year, s.school_id, s.division_code, v.project_no, v.apprentices from {of_kind}
            left join vocational_cooperation as v on v.school_code = s.school_code and v.period = s.year
            where {cut.format(s="s")}
        """
        for code, rows, measure in (
            (
                "employment_rate",
                graduates,
                "100.0 * count(*) filter (where way[1] = '1' or way in ('20', '30')) / nullif(count(way), 0)",
            ),
            (
                "matched_rate",
                graduates,
                "100.0 * count(*) filter (where way = '20' and fits = '1') / nullif(count(*) filter (where way = '20'), 0)",
            ),
            ("further_study_rate", graduates, "100.0 * count(*) filter (where way[1] = '1') / nullif(count(way), 0)"),
            # Who sent no project has no figure; who sent some without apprentices has zero.
            ("cooperation_projects", projects, "nullif(count(project_no), 0)"),
            ("apprentices", projects, "case when count(project_no) > 0 then coalesce(sum(apprentices), 0) end"),
        ):
            found.append(
                f"select 'vocational.{code}', year, area_level, area_id, stage, '{breakdown}', '{value}', {measure} "
                f"from ({areas(rows, school_level=breakdown == 'all')}) group by year, area_level, area_id, stage"
            )
    students = """
        select s.year, s.school_id, s.division_code, s.school_kind_code as kind, count(p.pid) as n from site as s
        left join pupil as p on p.school_code = s.school_code and p.year = s.year and p.stage = 'higher'
        where s.school_kind_code like '4%' group by all
    """
    found.append(
        "select 'vocational.university_students', year, area_level, area_id, 'higher', 'school_kind', kind, sum(n) "
        f"from ({areas(students)}) group by all"
    )
    names = "indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value"
    return " union all ".join(f"select * from ({part}) as r({names})" for part in found)


CONDITIONS = {
    "land_m2": ("land", ">=", 40_000),
    "land_m2_per_pupil": ("land / nullif(n, 0)", ">=", 33),
    "building_m2": ("building", ">=", 24_000),
    "building_m2_per_pupil": ("building / nullif(n, 0)", ">=", 20),
    "teachers": ("teachers", ">=", 60),
    "pupils_per_teacher": ("n / nullif(teachers, 0)", "<=", 20),
    "equipment_yuan": ("equipment", ">=", 3_000_000),
    "equipment_yuan_per_pupil": ("equipment / nullif(n, 0)", ">=", 2_500),
    "books_per_pupil": ("books / nullif(n, 0)", ">=", 30),
    "dual_qualified_pct": ("100.0 * dual / nullif(posts, 0)", ">=", 50),
}
"""Figure, comparison and standard of 五部门 2022 for an ordinary vocational school."""


def conditions() -> str:
    """Each standard of each vocational school: (year, school_id, division_code, is_key, standard, value, is_met).

    Tables of `teacher.prepare()` are read. The largest school of a county stands for its key school.
    """
    kinds = ", ".join(f"'{k}'" for k, stages in KIND_STAGES.items() if "vocational" in stages)
    measured = f"""
        select s.year, s.school_id, s.division_code,
            (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year
                and p.stage = 'vocational') as n,
            (select count(*) from teacher as t where t.school_code = s.school_code and t.year = s.year
                and t.stage = 'vocational') as teachers,
            (select count(is_dual_qualified) from post_of as p where p.school_id = s.school_id and p.year = s.year) as posts,
            (select count(*) from post_of as p where p.school_id = s.school_id and p.year = s.year
                and is_dual_qualified = '1') as dual,
            {
        ", ".join(
            f"(select sum({column}) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as {name}"
            for name, column in (
                ("land", "land_area_m2"),
                ("building", "building_area_m2"),
                ("equipment", "equipment_value_yuan"),
                ("books", "books"),
            )
        )
    }
        from site as s where s.school_kind_code in ({kinds})
    """
    keyed = f"""
        select m.*, not exists (select 1 from ({measured}) as o where o.year = m.year and o.division_code = m.division_code
            and (o.n > m.n or (o.n = m.n and o.school_id < m.school_id))) as is_key from ({measured}) as m
    """
    return " union all ".join(
        f"select year, school_id, division_code, is_key, '{code}' as standard, cast({figure} as double) as value, "
        f"cast({figure} as double) {comparison} {standard} as is_met from ({keyed})"
        for code, (figure, comparison, standard) in CONDITIONS.items()
    )
