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
