-- Each plan's target beside the figure of the year. The expected path is the straight line from the area's first full
-- figure under the plan to the target in its year, or the plan's yearly change where it says only that. Who began
-- beyond the target has the target itself for a path: no plan allows to fall back. A plan counts from the school year
-- in which it comes into force.
with member as (
    select distinct -- a group has several grades
        learner.learner_group,
        grade.stage
    from {{ ref('vision_group') }} as learner
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = learner.grade_code
    union
    select
        'all' as learner_group,
        'all' as stage
),

figure as (
    select
        value.indicator_code,
        value.period,
        {{ period_year('value.period') }} as start_year,
        value.area_level,
        value.area_id,
        member.learner_group,
        sum(value.numerator) as numerator,
        sum(value.denominator) as denominator,
        coalesce(sum(value.schools_reported) < sum(value.schools_expected), true) as is_partial,
        min(status.sort_order) as status_order
    from {{ ref('ana_indicator_value') }} as value
    inner join member on member.stage = value.stage
    inner join {{ ref('data_status') }} as status on status.data_status = value.data_status
    where value.breakdown = 'all' and value.area_level in ('county', 'city')
    group by value.indicator_code, value.period, value.area_level, value.area_id, member.learner_group
),

valued as (
    select
        figure.*,
        cast(100 * numerator as decimal(28, 10)) / nullif(denominator, 0) as value_exact,
        -- The groups of one area add up, so they are shown together or not at all.
        cast(
            min(least(numerator, denominator - numerator)) over (
                partition by indicator_code, period, area_level, area_id
            ) as bigint
        ) as fewest
    from figure
),

targeted as (
    select
        valued.*,
        target.plan_code,
        target.plan_name,
        target.target_year,
        target.comparator,
        target.target_value,
        target.yearly_change,
        min(case when not valued.is_partial and valued.value_exact is not null then valued.start_year end)
            over (
                partition by
                    target.plan_code, target.target_year, valued.indicator_code, valued.learner_group,
                    valued.area_level, valued.area_id
            ) as base_year
    from valued
    inner join {{ ref('health_target') }} as target
        on
            target.indicator_code = valued.indicator_code
            and target.learner_group = valued.learner_group
            and valued.start_year + 1 >= extract(year from target.valid_from)
            and valued.start_year <= target.target_year
),

based as (
    select
        targeted.*,
        base.value_exact as base_exact,
        base.fewest as base_fewest
    from targeted
    left join valued as base
        on
            base.indicator_code = targeted.indicator_code
            and base.learner_group = targeted.learner_group
            and base.area_level = targeted.area_level
            and base.area_id = targeted.area_id
            and base.start_year = targeted.base_year
),

expected as (
    select
        *,
        case
            when start_year <= base_year then null
            when comparator = '>=' and base_exact >= target_value then target_value
            when comparator <> '>=' and base_exact <= target_value then target_value
            when target_value is not null
                then base_exact + (target_value - base_exact) * (start_year - base_year) / (target_year - base_year)
            else base_exact + yearly_change * (start_year - base_year)
        end as expected_exact
    from based
)

select
    expected.indicator_code,
    expected.period,
    expected.area_level,
    expected.area_id,
    expected.learner_group,
    expected.plan_code,
    expected.plan_name,
    cast(round(expected.value_exact, 4) as decimal(9, 4)) as value,
    expected.target_year,
    expected.comparator,
    expected.target_value,
    cast(round(expected.value_exact - expected.target_value, 4) as decimal(9, 4)) as distance,
    case
        when expected.is_partial or not status.allows_verdict then null
        when expected.comparator = '<' then expected.value_exact < expected.target_value
        when expected.comparator = '<=' then expected.value_exact <= expected.target_value
        when expected.comparator = '>=' then expected.value_exact >= expected.target_value
    end as is_target_met,
    expected.base_year,
    cast(round(expected.base_exact, 4) as decimal(9, 4)) as base_value,
    cast(round(expected.expected_exact, 4) as decimal(9, 4)) as expected_value,
    case
        when expected.is_partial or not status.allows_verdict then null
        when expected.comparator = '>=' then expected.value_exact >= expected.expected_exact
        else expected.value_exact <= expected.expected_exact
    end as is_on_path,
    expected.fewest,
    expected.base_fewest,
    status.data_status
from expected
inner join {{ ref('data_status') }} as status on status.sort_order = expected.status_order
