"""What others know of the city: population, the plan's indicators, adult learners, statements of learning.

Each dataset is a table `rows_<dataset>`: the contract's fields as codes, then period, snapshot_date and org (who sends
the row). Population counts the same people that the schools teach, so that enrolment ratios come out as they should.
"""

from __future__ import annotations

import pyarrow as pa

from synthetic.names import GIVEN, SURNAMES
from synthetic.schools import CITY, DIVISION_WEIGHTS
from synthetic.world import COHORT_SIZE, World, cohort_factor

LIFELONG_LEARNERS = 40_000
"""Adult learners in the city at scale 1."""
STATEMENT_LEARNERS = 400
STATEMENTS_A_LEARNER = 6
ADULT_AGES = range(22, 96)
PLAN = (
    ("preschool_gross_rate", "学前三年毛入园率", "%", "2", "1", 90.0, 93.0),
    ("preschool_inclusive_rate", "普惠性幼儿园覆盖率", "%", "2", "1", 76.4, 85.0),
    ("compulsory_retention_rate", "九年义务教育巩固率", "%", "1", "1", 99.0, 99.0),
    ("senior_gross_rate", "高中阶段毛入学率", "%", "2", "1", 92.3, 95.0),
    ("migrant_public_rate", "随迁子女公办就读率", "%", "2", "1", 97.0, 97.0),
    ("disabled_enrolment_rate", "残疾儿童少年义务教育入学率", "%", "1", "1", 95.0, 97.0),
    ("large_class_rate", "义务教育大班额比例", "%", "2", "2", 4.0, 0.0),
    ("digital_campus_rate", "数字校园达标率", "%", "2", "1", 40.0, 80.0),
    ("average_schooling_years", "劳动年龄人口平均受教育年限", "年", "1", "1", 10.4, 11.3),
)
"""Code, name, unit, attribute, direction, baseline of 2020, target of 2025; the plan's published targets are few, the
others are invented."""
PLAN_YEARS = (2020, 2025)


def make_city_facts(world: World) -> None:
    """Make the tables of the city's datasets."""
    _population(world)
    _plan(world)
    _lifelong(world)
    _statements(world)


def _population(world: World) -> None:
    """Ages 3 to 21 are the persons of the world; births, infants and adults follow the trend of cohorts."""
    years = sorted({term.start_year for term in world.terms})
    rows = []
    for year in years:
        for division, weight in DIVISION_WEIGHTS.items():
            size = COHORT_SIZE * weight * world.scale
            for age in (*range(3), *ADULT_AGES):
                factor = cohort_factor(year - age) if age < 3 else 1.3 * max(0.02, 1 - ((age - 40) / 60) ** 2)
                total = round(size * factor)
                men = round(total * (0.525 if age < 3 else 0.505))
                rows += [(year, division, age, "1", men), (year, division, age, "2", total - men)]
    columns = list(zip(*rows, strict=True))
    names = ("year", "division_code", "age", "sex_code", "persons")
    world.db.register("estimated", pa.table(dict(zip(names, columns, strict=True))))
    world.db.execute(
        """
        create table rows_population as
        with counted as (
            select t.start_year as year, p.division_code, t.start_year - p.cohort as age,
                case when rnd('sex' || p.pid) < 0.525 then '1' else '2' end as sex_code, count(*) as persons
            from person as p cross join (select distinct start_year from term) as t
            where t.start_year - p.cohort between 3 and 21 group by all
        ),
        resident as (select * from counted union all select * from estimated),
        kinds as (
            select '2' as kind, * from resident
            union all
            select '1', * from resident where age = 0
            union all
            select '3', year, division_code, age, sex_code, cast(round(persons * 1.06) as bigint) from resident where age <= 21
        )
        select division_code, kind as population_kind_code, age, sex_code, persons, 'FY' || year as period,
            cast(null as date) as snapshot_date, '421000' as org
        from kinds
        """
    )
    world.db.unregister("estimated")


def _plan(world: World) -> None:
    """Indicators of the city and its divisions, reported every year from the one after the baseline on.

    The offices reported before the schools' own data begin: the mid-term evaluation rests on these years.
    """
    first, last = PLAN_YEARS
    years = range(first + 1, max(term.start_year for term in world.terms) + 1)
    divisions = (CITY, *DIVISION_WEIGHTS)
    names = ("code", "name", "unit", "attribute", "direction", "baseline", "target")
    world.db.register("planned", pa.table(dict(zip(names, zip(*PLAN, strict=True), strict=True))))
    world.db.register("place", pa.table({"division_code": list(divisions)}))
    world.db.register("planned_year", pa.table({"start_year": list(years)}))
    world.db.execute(
        f"""
        create table rows_plan_indicator as
        with yearly as (
            select p.*, d.division_code, t.start_year as year, p.code || d.division_code as k,
                case when d.division_code = '{CITY}' then 0.0 else 4 * (rnd('base' || p.code || d.division_code) - 0.5) end as shift,
                least(1.0, (t.start_year - {first}) / {last - first}.0) as way
            from planned as p cross join place as d cross join planned_year as t
        ),
        valued as (
            select *, least(case when unit = '%' then 100 else 20 end, greatest(0, baseline + shift)) as start_value from yearly
        )
        select division_code, code as indicator_code, name as indicator_name, unit as indicator_unit, attribute as attribute_code,
            direction as direction_code, cast(start_value as decimal(18, 4)) as baseline_2020, cast(target as decimal(18, 4)) as target_2025,
            cast(start_value + (target - start_value) * way as decimal(18, 4)) as target_value,
            cast(least(case when unit = '%' then 100 else 20 end, greatest(0, start_value + (target - start_value) * way
                * (0.75 + 0.45 * rnd('done' || k || year)))) as decimal(18, 4)) as actual_value,
            make_date(year, 12, 31) as cut_off_date, 'ZJ-' || year || '-' || division_code as evidence_no,
            'FY' || year as period, cast(null as date) as snapshot_date, '{CITY}' as org
        from valued
        """
    )
    world.db.unregister("planned")
    world.db.unregister("place")
    world.db.unregister("planned_year")


def _lifelong(world: World) -> None:
    count = max(300, round(LIFELONG_LEARNERS * world.scale))
    divisions = "[" + ", ".join(f"'{code}'" for code in DIVISION_WEIGHTS if code != "421071") + "]"
    surnames = "[" + ", ".join(f"'{char}'" for char in SURNAMES) + "]"
    given = "[" + ", ".join(f"'{char}'" for char in GIVEN) + "]"
    size = len(DIVISION_WEIGHTS) - 1
    world.db.execute(
        f"""
        create table adult as
        with born as (
            select 'adult' || k as aid, {divisions}[1 + draw('home' || 'adult' || k, {size})] as division_code,
                case when rnd('sexadult' || k) < 0.42 then '1' else '2' end as sex_code,
                cast(date '1945-01-01' + draw('birthadult' || k, 20000) as date) as birth_date
            from range({count}) as r(k)
        ),
        headed as (select *, division_code || strftime(birth_date, '%Y%m%d') as head from born),
        -- Serial numbers from 600 on keep clear of staff and pupils born on the same day.
        sequenced as (
            select *, head || lpad((600 + 2 * row_number() over (partition by head, sex_code order by aid)
                - case when sex_code = '1' then 1 else 0 end)::varchar, 3, '0') as first17 from headed
        )
        select aid, division_code, sex_code, birth_date, first17 || check_character(first17) as id_number,
            {surnames}[1 + draw('surname' || aid, {len(SURNAMES)})] || {given}[1 + draw('given' || aid, {len(GIVEN)})]
                || {given}[1 + draw('second' || aid, {len(GIVEN)})] as name
        from sequenced
        """
    )
    world.db.execute(
        """
        create table rows_lifelong_learner as
        with learning as (
            select a.*, y.school_year, y.start_year, k, y.start_year - year(birth_date) >= 60 as is_old
            from adult as a cross join (select distinct school_year, start_year from term) as y, range(2) as r(k)
            where rnd('learns' || aid || y.start_year || k) < case k when 0 then 0.5 else 0.15 end
        ),
        chosen as (
            select *, case when is_old and rnd('old' || aid) < 0.7 then '2' else
                ['1', '1', '3', '4', '4', '5'][1 + draw('programme' || aid || k, 6)] end as kind from learning
        )
        select name, '1' as id_type_code, id_number, sex_code, birth_date, division_code,
            ['21', '31', '41', '61', '71', '81'][1 + draw('schooling' || aid, 6)] as education_code,
            'LN' || division_code || kind as provider_code,
            case kind when '1' then '1' when '2' then '2' when '3' then '3' when '4' then '4' else '1' end as provider_kind_code,
            'C' || kind || k || lpad(draw('course' || aid || k || start_year, 30)::varchar, 2, '0') as course_code,
            kind as programme_kind_code, (1 + draw('form' || aid || k, 3))::varchar as learning_form_code,
            cast(make_date(start_year, 9, 10) + draw('begin' || aid || k, 200) as date) as started_on,
            cast(8 + 4 * draw('hours' || aid || k || start_year, 20) as decimal(6, 1)) as hours,
            case when kind in ('3', '4') then cast(1 + draw('credit' || aid || k, 4) as decimal(5, 1)) end as credits,
            case when rnd('finish' || aid || k || start_year) < 0.8 then '1' else '0' end as is_completed,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org, aid
        from chosen
        """
    )


def _statements(world: World) -> None:
    """A few learners of vocational schools and universities, some statements each; texts are as a platform writes them."""
    world.db.execute(
        f"""
        create table rows_learning_event as
        with chosen as (
            select pid, school_year, start_year, row_number() over (partition by start_year order by hash(pid || 'xapi'), pid) as n
            from pupil_term where term = 1 and stage in ('vocational', 'higher')
        ),
        events as (
            select *, pid || start_year || k as key, md5(pid || '/' || start_year || '/' || k) as h,
                k = {STATEMENTS_A_LEARNER - 1} and rnd('end' || pid || start_year) < 0.7 as is_last
            from chosen, range({STATEMENTS_A_LEARNER}) as r(k) where n <= {STATEMENT_LEARNERS}
        )
        select h[1:8] || '-' || h[9:12] || '-5' || h[14:16] || '-a' || h[18:20] || '-' || h[21:32] as statement_id,
            'https://xuexi.jingzhou.example' as actor_home_page, 'u' || lpad((hash(pid) % 100000000)::varchar, 8, '0') as actor,
            'http://adlnet.gov/expapi/verbs/' || case when is_last then 'completed' when k % 2 = 0 then 'experienced' else 'answered' end as verb_id,
            'https://xuexi.jingzhou.example/activity/' || (100 + draw('act' || key, 60)) as object_id,
            'http://adlnet.gov/expapi/activities/' || case when k % 2 = 0 then 'lesson' else 'question' end as object_type,
            'https://xuexi.jingzhou.example/course/' || (1 + draw('course' || pid, 5)) as course_id,
            strftime(make_date(start_year, 9, 5) + draw('day' || key, 280), '%Y-%m-%d') || 'T' || lpad((1 + draw('hour' || key, 14))::varchar, 2, '0')
                || ':' || lpad(draw('minute' || key, 60)::varchar, 2, '0') || ':00Z' as occurred_at,
            case when k % 2 = 1 then cast(0.3 + 0.7 * rnd('score' || key) as decimal(6, 4)) end as score_scaled,
            case when k % 2 = 1 then case when rnd('score' || key) > 0.4 then '1' else '0' end end as is_success,
            case when is_last then '1' else '0' end as is_completed,
            'PT' || (1 + draw('long' || key, 40)) || 'M' || draw('sec' || key, 60) || 'S' as duration_s,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org, pid
        from events
        """
    )
