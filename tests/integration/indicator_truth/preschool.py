"""Preschool education: inclusive and public places, money, sizes of classes, teachers, premises."""

from __future__ import annotations

from indicator_truth.common import SCHOOL_CUTS, areas

GARDEN = """
    select s.school_id, s.division_code, s.urban_rural_code, s.sponsor_code, s.year, s.start_year,
        s.sponsor_code = '999' as private, s.sponsor_code <> '999' or s.is_inclusive = '1' as inclusive,
        (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year) as n,
        (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year and p.grade_code = '03') as top,
        (select count(*) from staff as w where w.school_code = s.school_code and w.period = s.period
            and w.staff_category_code = '11' and w.staff_status_code = '11') as t,
        (select count(*) from staff as w where w.school_code = s.school_code and w.period = s.period
            and w.staff_category_code = '11' and w.staff_status_code = '11' and w.has_certificate = '1') as c,
        (select sum(outdoor_play_area_m2) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as outdoor,
        (select sum(activity_room_area_m2) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as indoor,
        (select sum(building_area_m2) from campus_facility as f where f.school_code = s.school_code and f.period = s.year) as building,
        (select list((size, top_size)) from (
            select count(*) as size, case p.grade_code when '01' then 25 when '02' then 30 when '03' then 35 end as top_size
            from pupil as p where p.school_code = s.school_code and p.year = s.year group by p.class_code, p.grade_code
        )) as sizes,
        coalesce((select sum(amount_yuan) from finance as m where m.school_code = s.school_code and m.period = 'FY' || s.start_year
            and m.stage_code = '1' and m.item_code = '300'), 0) as given,
        coalesce((select sum(amount_yuan) from finance as m where m.school_code = s.school_code and m.period = 'FY' || s.start_year
            and m.stage_code = '1' and m.item_code = '310'), 0) as subsidy,
        coalesce((select sum(amount_yuan) from finance as m where m.school_code = s.school_code and m.period = 'FY' || s.start_year
            and m.stage_code = '1' and m.item_code = '330'), 0) as waived
    from site as s where s.school_kind_code = '111'
"""
FIGURES = (
    ("inclusive_rate", "100.0 * coalesce(sum(n) filter (where inclusive), 0) / sum(n)", "true", "year"),
    ("public_rate", "100.0 * coalesce(sum(n) filter (where not private), 0) / sum(n)", "true", "year"),
    ("appropriation_per_child", "sum(given) / sum(n)", "not private", "'FY' || start_year"),
    ("subsidy_per_child", "sum(subsidy) / sum(n)", "private and inclusive", "'FY' || start_year"),
    (
        "class_size_compliance",
        "100.0 * avg(cast(len(list_filter(sizes, lambda z: z[1] > z[2])) = 0 as integer))",
        "true",
        "year",
    ),
    (
        "classes_within_size",
        "100.0 * sum(len(list_filter(sizes, lambda z: z[1] <= z[2]))) / sum(len(sizes))",
        "true",
        "year",
    ),
    ("children_per_teacher", "sum(n) / nullif(sum(t), 0)", "true", "year"),
    ("certified_teachers", "100.0 * sum(c) / nullif(sum(t), 0)", "true", "year"),
    ("outdoor_area", "sum(outdoor) / sum(n)", "true", "year"),
    ("activity_room_area", "sum(indoor) / sum(n)", "true", "year"),
    ("building_area", "sum(building) / sum(n)", "true", "year"),
    ("last_year_children", "sum(top)", "true", "year"),
    ("waived_amount", "sum(waived)", "start_year >= 2025", "'FY' || start_year"),
)
"""Indicator, its definition over kindergartens, which of them, the period."""


def figures() -> str:
    """All figures of the topic; an area without a kindergarten of the kind has none."""
    parts = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        for code, definition, which, period in FIGURES:
            rows = f"select * from garden as s where {which} and {cut.format(s='s')}"
            parts.append(
                f"select 'preschool.{code}', {period}, area_level, area_id, 'preschool', '{breakdown}', '{value}', "
                f"{definition} from ({areas(rows, school_level=breakdown == 'all')}) group by all"
            )
    return (
        f"with garden as materialized ({GARDEN}) select * from ("
        + " union all ".join(parts)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


def county_verdicts() -> str:
    """Value and verdict of each standard in each county, the zone with the county that it lies in."""
    standards = (
        *(("inclusive_rate", ">=", 80), ("public_rate", ">=", 50), ("class_size_compliance", ">=", 85)),
        *(("appropriation_per_child", ">=", 500), ("subsidy_per_child", ">=", 500), ("children_per_teacher", "<=", 15)),
        *(("certified_teachers", ">=", 100), ("outdoor_area", ">=", 4), ("activity_room_area", ">=", 8.17)),
        ("building_area", ">=", 10.44),
    )
    definitions = {code: (definition, which) for code, definition, which, _ in FIGURES}
    parts = []
    for code, comparator, standard in standards:
        definition, which = definitions[code]
        parts.append(
            f"select year, county, 'preschool.{code}', value, value {comparator} {standard} from ("
            "select year, case division_code when '421071' then '421002' else division_code end as county, "
            f"{definition} as value from ({GARDEN}) where {which} group by all)"
        )
    return (
        "select * from ("
        + " union all ".join(parts)
        + ") as r(school_year, division_code, indicator_code, value, is_met)"
    )
