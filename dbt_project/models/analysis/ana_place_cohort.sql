-- Every node moves along its edge a year at a time; relative variances of the ratios on the way add up.
with recursive cohort as (
    select
        node.first_year as origin_year,
        node.division_code,
        0 as horizon,
        node.node,
        cast(node.persons as double) as persons,
        cast(0 as double) as relative_variance,
        0 as basis_rank,
        node.is_complete
    from {{ ref('ana_place_node') }} as node
    union all
    select
        cohort.origin_year,
        cohort.division_code,
        cohort.horizon + 1 as horizon,
        step.to_node as node,
        cohort.persons * cast(step.ratio as double) as persons,
        cohort.relative_variance + power(cast(step.relative_spread as double), 2) as relative_variance,
        greatest(
            cohort.basis_rank, case step.basis when 'division' then 1 when 'city' then 2 else 3 end
        ) as basis_rank,
        cohort.is_complete
    from cohort
    inner join {{ ref('ana_place_progression') }} as step
        on
            step.origin_year = cohort.origin_year
            and step.division_code = cohort.division_code
            and step.from_node = cohort.node
    inner join {{ ref('forecast_rule') }} as rule on rule.rule = 'horizon_years' and cohort.horizon < rule.value
),

-- A grade belongs to its stage, upper secondary ones to their group too; an age to every stage of its band.
member as (
    select
        grade.grade_code as node,
        grade.stage,
        'learners' as measure
    from {{ ref('dim_grade') }} as grade
    where grade.stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
    union all
    select
        grade.grade_code as node,
        'upper_secondary' as stage,
        'learners' as measure
    from {{ ref('dim_grade') }} as grade
    where grade.stage in ('senior', 'vocational')
    union all
    select
        node.to_node as node,
        band.stage,
        'population' as measure
    from {{ ref('place_step') }} as node
    inner join {{ ref('stage_age') }} as band
        on
            node.to_node = 'a' || substr(node.to_node, 2)
            and cast(substr(node.to_node, 2) as integer) between band.age_first and band.age_last
            and band.valid_to is null
            and band.stage <> 'compulsory'
    where node.to_node like 'a%'
)

select
    cohort.origin_year,
    cohort.division_code,
    cast(cohort.horizon as integer) as horizon,
    member.stage,
    member.measure,
    -- An age that was not given leaves the whole band unknown.
    cast(
        case when count(*) = count(cohort.persons) then sum(cast(cohort.persons as decimal(28, 8))) end
        as decimal(28, 8)
    ) as persons,
    cast(
        sum(cast(cohort.persons * cohort.persons * cohort.relative_variance as decimal(36, 8))) as decimal(36, 8)
    ) as variance,
    cast(max(cohort.basis_rank) as integer) as basis_rank,
    bool_and(cohort.is_complete) as is_base_complete
from cohort
inner join member on member.node = cohort.node
group by cohort.origin_year, cohort.division_code, cohort.horizon, member.stage, member.measure
