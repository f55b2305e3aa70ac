"""Lifelong learning: a second method over the true rows."""

from __future__ import annotations

from indicator_truth.common import CITY

DIVISIONS = ("421002", "421003", "421022", "421024", "421071", "421081", "421083", "421087", "421088")


def figures() -> str:
    """All figures of the topic; nobody in the city gives two places of residence in a year."""
    places = ", ".join(f"('{code}', 'county', '{code}'), ('{code}', 'city', '{CITY}')" for code in DIVISIONS)
    measures = {
        ("participants", "all", "all"): "count(distinct aid)",
        ("participation_rate", "all", "all"): "100.0 * count(distinct aid) / max(adults)",
        (
            "elderly_rate",
            "all",
            "all",
        ): "100.0 * count(distinct aid) filter (where programme_kind_code = '2') / max(elderly)",
        ("hours_per_learner", "all", "all"): "sum(hours) / nullif(count(distinct aid), 0)",
        (
            "completion_rate",
            "all",
            "all",
        ): "100.0 * count(*) filter (where is_completed = '1') / nullif(count(is_completed), 0)",
    }
    for kind in "123459":
        measures["participants", "lifelong_kind", kind] = (
            f"count(distinct aid) filter (where programme_kind_code = '{kind}')"
        )
    return " union all ".join(
        f"""
        select 'lifelong.{code}' as indicator_code, years.period, p.area_level, p.area_id, 'all' as stage,
            '{breakdown}' as breakdown, '{value}' as breakdown_value, {measure} as value
        from (values {places}) as p(division_code, area_level, area_id)
        cross join (select distinct period from lifelong_learner) as years
        join (
            select a.area_id, a.area_level, n.period, sum(persons) filter (where age >= 18) as adults,
                sum(persons) filter (where age >= 60) as elderly
            from population as n join (values {places}) as a(division_code, area_level, area_id)
                on a.division_code = n.division_code
            where n.population_kind_code = '2' group by all
        ) as resident on resident.area_id = p.area_id and resident.period = 'FY' || years.period[:4]
        left join lifelong_learner as l on l.division_code = p.division_code and l.period = years.period
        group by years.period, p.area_level, p.area_id
        """
        for (code, breakdown, value), measure in measures.items()
    )
