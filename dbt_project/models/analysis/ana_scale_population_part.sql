-- Enrolment against population: schools add learners, divisions add persons of the stage's age (seed stage_age).
with division as (
    select division_code
    from {{ ref('dim_division') }}
    where is_current and division_level in ('county', 'zone')
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex')
),

learner as (
    select
        counted.*,
        member.stage_group,
        member.relation,
        counted.age between rule.age_first and rule.age_last as is_of_age
    from {{ ref('ana_learner_count') }} as counted
    inner join {{ ref('stage_member') }} as member on member.stage = counted.stage
    inner join {{ ref('stage_age') }} as rule
        on rule.stage = member.stage_group and {{ is_valid_in('rule', 'counted.school_year') }}
),

counted as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage_group,
        cut.breakdown,
        cut.breakdown_value,
        coalesce(sum(learner.pupils) filter (where learner.relation = 'same'), 0) as pupils,
        coalesce(sum(learner.pupils) filter (where learner.relation = 'same' and learner.is_of_age), 0)
            as pupils_of_age,
        coalesce(sum(learner.pupils) filter (where learner.is_of_age), 0) as learners_of_age
    from learner
    inner join cut on {{ is_in_cut('cut', 'learner') }}
    group by learner.school_id, learner.school_year, learner.stage_group, cut.breakdown, cut.breakdown_value
),

-- A school of the next stage may have children of this stage's age, so its missing report is missing here too.
owing as (
    select
        expected.school_id,
        expected.school_year,
        expected.division_code,
        expected.is_reported,
        expected.data_status,
        member.stage_group,
        bool_or(member.relation = 'same') as teaches_stage
    from {{ ref('unit_expected') }} as expected
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = expected.school_id and taught.period = expected.period
    inner join {{ ref('stage_member') }} as member on member.stage = taught.stage
    where expected.dataset = 'student' and expected.term = 1
    group by
        expected.school_id, expected.school_year, expected.division_code, expected.is_reported,
        expected.data_status, member.stage_group
),

school_part as (
    select
        owing.school_year,
        owing.division_code,
        owing.school_id,
        owing.stage_group,
        owing.teaches_stage or coalesce(counted.pupils, 0) > 0 as is_of_stage,
        cut.breakdown,
        cut.breakdown_value,
        case when owing.is_reported then coalesce(counted.pupils, 0) end as pupils,
        case when owing.is_reported then coalesce(counted.pupils_of_age, 0) end as pupils_of_age,
        case when owing.is_reported then coalesce(counted.learners_of_age, 0) end as learners_of_age,
        owing.data_status
    from owing
    cross join cut
    left join counted
        on
            counted.school_id = owing.school_id
            and counted.school_year = owing.school_year
            and counted.stage_group = owing.stage_group
            and counted.breakdown = cut.breakdown
            and counted.breakdown_value = cut.breakdown_value
),

people as (
    select
        population.division_code,
        population.fiscal_year,
        population.age,
        cut.breakdown,
        cut.breakdown_value,
        sum(population.persons) as persons
    from {{ ref('fct_population') }} as population
    inner join cut
        on cut.breakdown = 'all' or (cut.breakdown = 'sex' and cut.breakdown_value = population.sex_code)
    where population.population_kind_code = '2'
    group by population.division_code, population.fiscal_year, population.age, cut.breakdown, cut.breakdown_value
),

school_year as (
    select distinct school_year -- of every registered school
    from {{ ref('dim_school') }}
    where term = 1
),

-- A division counts when it gave every age of the band; half a band would make the rate too high.
division_part as (
    select
        school_year.school_year,
        division.division_code,
        rule.stage as stage_group,
        cut.breakdown,
        cut.breakdown_value,
        case
            when count(distinct people.age) = rule.age_last - rule.age_first + 1 then sum(people.persons)
        end as persons
    from school_year
    cross join division
    cross join cut
    inner join {{ ref('stage_age') }} as rule on {{ is_valid_in('rule', 'school_year.school_year') }}
    left join people
        on
            people.division_code = division.division_code
            and people.fiscal_year = {{ period_year('school_year.school_year') }}
            and people.age between rule.age_first and rule.age_last
            and people.breakdown = cut.breakdown
            and people.breakdown_value = cut.breakdown_value
    group by
        school_year.school_year, division.division_code, rule.stage, rule.age_first, rule.age_last, cut.breakdown,
        cut.breakdown_value
),

figure as (
    {% for code, column, condition in [
        ('gross_enrolment_rate', 'pupils', 'is_of_stage'),
        ('net_enrolment_rate', 'pupils_of_age', 'is_of_stage'),
        ('age_attendance_rate', 'learners_of_age', 'true'),
    ] %}
        select
            'scale.{{ code }}' as indicator_code,
            school_year,
            school_id as area_id,
            division_code,
            school_id,
            stage_group,
            breakdown,
            breakdown_value,
            {{ column }} as numerator,
            cast(null as bigint) as denominator,
            data_status
        from school_part
        where {{ condition }}
        union all
        -- Population is another office's published figure: no approval of the schools' reports concerns it.
        select
            'scale.{{ code }}' as indicator_code,
            school_year,
            division_code as area_id,
            division_code,
            cast(null as varchar) as school_id,
            stage_group,
            breakdown,
            breakdown_value,
            case
                when not exists (
                    select 1
                    from school_part
                    where
                        school_part.division_code = division_part.division_code
                        and school_part.school_year = division_part.school_year
                        and school_part.stage_group = division_part.stage_group
                        and {{ condition }}
                ) then 0
            end as numerator,
            persons as denominator,
            case when persons is null then 'missing' else 'official' end as data_status
        from division_part
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    indicator_code,
    school_year as period,
    area_id,
    division_code,
    school_id,
    stage_group as stage,
    breakdown,
    breakdown_value,
    cast(numerator as decimal(18, 4)) as numerator,
    cast(denominator as decimal(18, 4)) as denominator,
    data_status
from figure
