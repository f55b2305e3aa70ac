"""Fitness, vision, sports and arts: a second method over the true rows, with the standards written out here."""

from __future__ import annotations

import duckdb

from indicator_truth.common import SCHOOL_CUTS, areas

SEX_CUTS = {("all", "all"): "true", ("sex", "1"): "l.sex_code = '1'", ("sex", "2"): "l.sex_code = '2'"}
WEIGHTS = {
    "11 12": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 30 * sit_reach_score + 20 * rope_skipping_score",
    "13 14": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 20 * sit_reach_score + 20 * rope_skipping_score "
    "+ 10 * sit_ups_score",
    "15 16": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 10 * sit_reach_score + 10 * rope_skipping_score "
    "+ 20 * sit_ups_score + 10 * shuttle_run_score",
    "": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 10 * sit_reach_score + 10 * standing_jump_score "
    "+ 10 * strength_score + 20 * endurance_score",
}
"""国家学生体质健康标准 (2014), table 1-1; the last line is that of all later grades."""
BMI_LOW = {
    "1": (13.5, 13.7, 13.9, 14.2, 14.4, 14.7, 15.5, 15.7, 15.8, 16.5, 16.8, 17.3),
    "2": (13.3, 13.5, 13.6, 13.7, 13.8, 14.2, 14.8, 15.3, 16.0, 16.5, 16.9, 17.1),
}
BMI_HIGH = {
    "1": (18.1, 18.4, 19.4, 20.1, 21.4, 21.8, 22.1, 22.5, 22.8, 23.2, 23.7, 23.8),
    "2": (17.3, 17.8, 18.6, 19.4, 20.5, 20.8, 21.7, 22.2, 22.6, 22.7, 23.2, 23.3),
}
BMI_OBESE = (20.4, 20.5, 22.2, 22.7, 24.2, 24.6, 25.0, 25.3, 26.1, 26.4, 26.6, 27.4)
"""Boys of grades one to twelve; those of girls are not known."""
SHARES = {
    "fitness_excellent_rate": ("total >= 900", "total is not null"),
    "fitness_good_rate": ("total >= 800", "total is not null"),
    "fitness_pass_rate": ("total >= 600", "total is not null"),
    "fitness_tested_rate": ("total is not null", "is_exempt = '0'"),
    "fitness_exempt_rate": ("is_exempt = '1'", "true"),
    "bmi_normal_rate": ("bmi between low and high", "bmi is not null and low is not null"),
    "bmi_low_rate": ("bmi < low", "bmi is not null and low is not null"),
    "bmi_above_rate": ("bmi > high", "bmi is not null and low is not null"),
    "bmi_obese_rate": (
        "bmi >= obese and low is not null and sex_code = '1'",
        "bmi is not null and low is not null and sex_code = '1'",
    ),
}


def figures() -> str:
    """All figures of the topic."""
    parts = " union all ".join([_fitness(), _graduation(), _vision(), _programmes()])
    return f"with tested as materialized ({_learners()}), screened as materialized ({_screened()}) {parts}"


def _cases(numbers: tuple[float, ...]) -> str:
    """The numbers as a list that is read by grade."""
    return "([" + ", ".join(f"{number}::decimal(4, 1)" for number in numbers) + "])"


def _learners() -> str:
    """Learners with ten times their total as an integer, and their body mass with the limits of grade and sex."""
    totals = " ".join(
        (
            f"when f.grade_code in ({', '.join(repr(g) for g in grades.split())}) then {terms}"
            if grades
            else f"else {terms}"
        )
        for grades, terms in WEIGHTS.items()
    )
    number = "cast(f.grade_code[2:] as integer) + case f.grade_code[1] when '1' then 0 when '2' then 6 else 9 end"
    return f"""
        select f.*, s.school_id, s.division_code, s.urban_rural_code, s.sponsor_code, s.year, stage_of(f.grade_code) as stage,
            case when is_exempt = '0' then cast(round((case {totals} end + 100 * bonus_score) / 10) as integer) end as total,
            case when is_exempt = '0' then round(cast(weight_kg * 10000 / (height_cm * height_cm) as decimal(12, 8)), 1) end as bmi,
            case when f.grade_code[1] in ('1', '2', '3', '4') then
                case sex_code when '1' then {_cases(BMI_LOW["1"])} else {_cases(BMI_LOW["2"])} end[{number}] end as low,
            case when f.grade_code[1] in ('1', '2', '3', '4') then
                case sex_code when '1' then {_cases(BMI_HIGH["1"])} else {_cases(BMI_HIGH["2"])} end[{number}] end as high,
            {_cases(BMI_OBESE)}[{number}] as obese
        from fitness as f join site as s on s.school_code = f.school_code and s.year = f.period
    """


def _spread(learners: str, measures: dict[str, str], scope: str) -> str:
    """Figures of learners by the stages of their schools and all stages, by sex, and by the cuts of schools."""
    found = []
    cuts = [(cut, condition, "true") for cut, condition in SEX_CUTS.items()]
    cuts += [(cut, "true", place.format(s="t")) for cut, place in SCHOOL_CUTS.items() if cut[0] != "all"]
    for (breakdown, value), learner_cut, school_cut in cuts:
        for stage in ("t.stage", "'all'"):
            rows = f"""
                select t.year, {stage} as shown_stage, t.school_id, t.division_code, l.*
                from {scope} as t left join ({learners}) as l on l.lschool = t.school_id and l.lyear = t.year
                    and l.lstage = t.stage and {learner_cut}
                where {school_cut}
            """
            counted = ", ".join(f"{measure} as {code}" for code, measure in measures.items())
            named = ", ".join(f"{{'code': 'health.{code}', 'value': cast({code} as double)}}" for code in measures)
            found.append(
                f"select figure.code, year, area_level, area_id, shown_stage, '{breakdown}', '{value}', figure.value from ("
                f"select year, area_level, area_id, shown_stage, unnest([{named}]) as figure from ("
                f"select year, area_level, area_id, shown_stage, {counted} "
                f"from ({areas(rows, school_level=breakdown in ('all', 'sex'))}) group by all))"
            )
    return (
        "select * from ("
        + " union all ".join(found)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


def _scope(prefixes: str) -> str:
    """Schools and their stages that take part: those by kind, and those in which there are learners all the same."""
    return (
        "(select s.school_id, s.division_code, s.urban_rural_code, s.sponsor_code, s.year, t.stage "
        "from taught as t join site as s on s.school_code = t.school_code and s.year = t.year "
        f"where t.stage in ({prefixes}))"
    )


def _fitness() -> str:
    learners = (
        "select school_id as lschool, year as lyear, stage as lstage, sex_code, is_exempt, total, bmi, low, high, obese, "
        "cast(reported_total * 10 as integer) as told from tested"
    )
    measures = {
        code: f"100.0 * count(*) filter (where lschool is not null and {top}) "
        f"/ nullif(count(*) filter (where lschool is not null and {bottom}), 0)"
        for code, (top, bottom) in SHARES.items()
    }
    measures["fitness_total_different"] = "count(*) filter (where total <> told)"
    measures["fitness_incomplete"] = "count(*) filter (where is_exempt = '0' and total is null)"
    return _spread(learners, measures, _scope("'primary', 'junior', 'senior', 'vocational', 'higher'"))


LAST_GRADES = {"primary": ("16", 6), "junior": ("23", 3), "senior": ("33", 3), "vocational": ("43", 3)}
"""Last grade of a stage and its years."""


def _graduation() -> str:
    """Half the last year's total and half the mean of the others', of graduates who have a total of every year."""
    parts = []
    for stage, (grade, years) in LAST_GRADES.items():
        rows = f"""
            select s.year, s.school_id, s.division_code, g.score
            from taught as t join site as s on s.school_code = t.school_code and s.year = t.year
            left join (
                select f.school_id, f.year, (max(f.total) + avg(o.total)) / 20 as score
                from tested as f join tested as o
                    on o.pid = f.pid and o.stage = f.stage and o.year < f.year and o.total is not null
                where f.grade_code = '{grade}' and f.total is not null
                    and cast(f.year[:4] as integer) - {years - 1} >= (select min(cast(period[:4] as integer)) from fitness)
                group by f.school_id, f.year, f.pid having count(*) >= {years - 1}
            ) as g on g.school_id = s.school_id and g.year = s.year
            where t.stage = '{stage}'
        """
        parts.append(
            f"select 'health.fitness_graduation_pass_rate', year, area_level, area_id, '{stage}', 'all', 'all', "
            "100.0 * count(*) filter (where round(score::decimal(9, 4), 1) >= 60) / nullif(count(score), 0) "
            f"from ({areas(rows, school_level=False)}) group by all"
        )
    return (
        "select * from ("
        + " union all ".join(parts)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


def _screened() -> str:
    return """
        select s.school_id as lschool, s.year as lyear, stage_of(v.grade_code) as lstage, v.sex_code,
            least(naked_left, naked_right) < 5.0 as dim,
            wears_ok_lens = '1' or (naked_left < 5.0 and 2 * sphere_left + cylinder_left < -1.00)
                or (naked_right < 5.0 and 2 * sphere_right + cylinder_right < -1.00) as myopic
        from vision as v join site as s on s.school_code = v.school_code and s.period = v.period
    """


def _vision() -> str:
    measures = {
        "low_vision_rate": "100.0 * count(*) filter (where dim) / nullif(count(dim), 0)",
        "myopia_rate": "100.0 * count(*) filter (where myopic) / nullif(count(myopic), 0)",
        "vision_unknown": "count(*) filter (where lschool is not null and myopic is null)",
    }
    return _spread(
        "select * from screened", measures, _scope("'preschool', 'primary', 'junior', 'senior', 'vocational'")
    )


def _programmes() -> str:
    school = """
        select s.*, (select count(*) from pupil as p where p.school_code = s.school_code and p.year = s.year
                and p.stage in ('primary', 'junior', 'senior', 'vocational')) as pupils,
            (select count(*) from sports_programme as g where g.school_code = s.school_code and g.period = s.year
                and g.programme_kind_code = '1' and g.is_feature_school = '1') as feature,
            (select sum(participants) from sports_programme as g where g.school_code = s.school_code and g.period = s.year
                and g.programme_kind_code = '1') as football,
            (select count(*) from sports_programme as g where g.school_code = s.school_code and g.period = s.year
                and g.programme_kind_code = '5') as arts,
            (select sum(participants) from sports_programme as g where g.school_code = s.school_code and g.period = s.year
                and g.programme_kind_code = '5') as artists,
            (select list(distinct pillar_code) from sports_programme as g where g.school_code = s.school_code
                and g.period = s.year) as pillars
        from site as s where exists (select 1 from taught as t where t.school_code = s.school_code and t.year = s.year
            and t.stage in ('primary', 'junior', 'senior', 'vocational'))
    """
    measures = {
        "football_school_share": "100.0 * count(*) filter (where feature > 0) / count(*)",
        "football_rate": "100.0 * coalesce(sum(football), 0) / nullif(sum(pupils), 0)",
        "arts_school_share": "100.0 * count(*) filter (where arts > 0) / count(*)",
        "arts_rate": "100.0 * coalesce(sum(artists), 0) / nullif(sum(pupils), 0)",
    }
    found = []
    for (breakdown, value), cut in SCHOOL_CUTS.items():
        rows = f"select * from ({school}) as s where {cut.format(s='s')}"
        for code, measure in measures.items():
            found.append(
                f"select 'health.{code}', year, area_level, area_id, 'all', '{breakdown}', '{value}', {measure} "
                f"from ({areas(rows, school_level=breakdown == 'all')}) group by all"
            )
    found += [
        f"select 'health.pillar_share', year, area_level, area_id, 'all', 'pillar', '{pillar}', "
        f"100.0 * count(*) filter (where coalesce(list_contains(pillars, '{pillar}'), false)) / count(*) "
        f"from ({areas(school)}) group by all"
        for pillar in "12345"
    ]
    return (
        "select * from ("
        + " union all ".join(found)
        + ") as r(indicator_code, period, area_level, area_id, stage, breakdown, breakdown_value, value)"
    )


def cohorts() -> str:
    """Share of myopic learners and of new cases by year of entry to primary school, of counties and the city."""
    return """
        with seen as (
            select v.pid, s.division_code, s.year, s.start_year,
                s.start_year - case v.grade_code[1] when '0' then -1 when '1' then cast(v.grade_code[2:] as integer) - 1
                    when '2' then cast(v.grade_code[2:] as integer) + 5 else cast(v.grade_code[2:] as integer) + 8 end as entry,
                wears_ok_lens = '1' or (naked_left < 5.0 and 2 * sphere_left + cylinder_left < -1.00)
                    or (naked_right < 5.0 and 2 * sphere_right + cylinder_right < -1.00) as myopic
            from vision as v join site as s on s.school_code = v.school_code and s.period = v.period
        ),
        person as (select pid, start_year, bool_or(myopic) as myopic from seen group by all),
        followed as (
            select seen.*, case when not person.myopic then 1 end as at_risk
            from seen left join person on person.pid = seen.pid and person.start_year = seen.start_year - 1
        ),
        placed as (
            select *, division_code as area_id from followed union all select *, '421000' as area_id from followed
        )
        select entry as primary_entry_year, year as school_year, area_id, count(*) as judged, sum(myopic::integer) as myopic,
            coalesce(sum(at_risk), 0) as at_risk, coalesce(sum(at_risk) filter (where myopic), 0) as newly_myopic
        from placed group by all
    """


TARGETS = (
    ("health.myopia_rate", "vision_2018", "age6", 2030, "<=", 3, None, 2018),
    ("health.myopia_rate", "vision_2018", "primary", 2030, "<", 38, None, 2018),
    ("health.myopia_rate", "vision_2018", "junior", 2030, "<", 60, None, 2018),
    ("health.myopia_rate", "vision_2018", "upper", 2030, "<", 70, None, 2018),
    ("health.myopia_rate", "vision_2018", "all", 2030, "<=", None, -0.5, 2018),
    ("health.myopia_rate", "five_health_2026", "primary", 2030, "<", 32, None, 2026),
    ("health.myopia_rate", "five_health_2026", "junior", 2030, "<", 60, None, 2026),
    ("health.myopia_rate", "five_health_2026", "upper", 2030, "<", 70, None, 2026),
    ("health.fitness_excellent_rate", "vision_2018", "all", 2030, ">=", 25, None, 2018),
    ("health.fitness_good_rate", "healthy_china_2022", "all", 2022, ">=", 50, None, 2019),
    ("health.fitness_good_rate", "healthy_china_2030", "all", 2030, ">=", 60, None, 2019),
)
"""Indicator, plan, group, year of the target, comparison, target, change a year, year in which the plan began."""
GROUPS = {"preschool": "age6", "primary": "primary", "junior": "junior", "senior": "upper", "vocational": "upper"}


def distances(truth: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], tuple[float | bool | None, ...]]:
    """Give (indicator, year, area, group, plan) its value, base, expected value, and whether target and path are kept."""
    groups = " ".join(f"when '{stage}' then '{group}'" for stage, group in GROUPS.items())
    shares = """
        select 'health.myopia_rate' as code, s.year, s.division_code, stage_of(v.grade_code) as stage,
            wears_ok_lens = '1' or (naked_left < 5.0 and 2 * sphere_left + cylinder_left < -1.00)
                or (naked_right < 5.0 and 2 * sphere_right + cylinder_right < -1.00) as yes
        from vision as v join site as s on s.school_code = v.school_code and s.period = v.period
    """
    for code, least in (("fitness_excellent_rate", 900), ("fitness_good_rate", 800)):
        shares += (
            f" union all select 'health.{code}', year, division_code, stage, total >= {least} from ({_learners()})"
        )
    placed = f"""
        select code, year, case when stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
            then case stage {groups} end end as of_stage, division_code as area, yes from ({shares})
        union all
        select code, year, case when stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
            then case stage {groups} end end, '421000', yes from ({shares})
    """
    counted = truth.execute(
        f"""
        select code, year, area, of_group, 100.0 * count(*) filter (where yes) / nullif(count(yes), 0) from (
            select code, year, area, of_stage as of_group, yes from ({placed}) where of_stage is not null
            union all select code, year, area, 'all', yes from ({placed})
        ) group by all
        """
    ).fetchall()
    figures = {row[:4]: row[4] for row in counted if row[4] is not None}
    found: dict[tuple[str, ...], tuple[float | bool | None, ...]] = {}
    for code, plan, group, until, comparison, target, change, began in TARGETS:
        for (of, year, area, of_group), value in figures.items():
            start = int(year[:4])
            if (of, of_group) != (code, group) or not began - 1 <= start <= until:
                continue
            base = min(
                int(y[:4]) for (c, y, a, g) in figures if (c, a, g) == (code, area, group) and int(y[:4]) >= began - 1
            )
            from_value = figures[code, f"{base}-{base + 1}", area, group]
            expected = None
            if start > base:
                if target is None:
                    expected = from_value + (change or 0) * (start - base)
                elif (from_value >= target) if comparison == ">=" else (from_value <= target):
                    expected = float(target)
                else:
                    expected = from_value + (target - from_value) * (start - base) / (until - base)
            met = None
            if target is not None:
                met = (
                    value < target if comparison == "<" else value <= target if comparison == "<=" else value >= target
                )
            kept = None if expected is None else value >= expected if comparison == ">=" else value <= expected
            found[code, year, area, group, plan] = (value, from_value, expected, met, kept)
    return found
