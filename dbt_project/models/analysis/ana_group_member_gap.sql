-- What a member school of a group has beside the group's core school, in the resources that seed group_measure names. A
-- group with several core schools is measured by all of them together; a member is never compared with itself.
with member as (
    select distinct -- two organisations may report the same membership
        period as school_year,
        group_code,
        school_id,
        member_role_code = '1' as is_core
    from {{ ref('fct_school_group') }}
),

figure as (
    select
        resource.school_year,
        resource.school_id,
        resource.stage,
        measure.indicator_code,
        resource.numerator_exact as numerator,
        cast(resource.pupils as decimal(18, 4)) as denominator
    from {{ ref('ana_balanced_value') }} as resource
    inner join {{ ref('group_measure') }} as measure
        on measure.resource_no = resource.indicator_no and {{ is_valid_in('measure', 'resource.school_year') }}
    union all
    select
        value.period as school_year,
        value.school_id,
        value.stage,
        value.indicator_code,
        value.numerator,
        value.denominator
    from {{ ref('ana_indicator_value') }} as value
    inner join {{ ref('group_measure') }} as measure
        on measure.indicator_code = value.indicator_code and {{ is_valid_in('measure', 'value.period') }}
    where value.area_level = 'school' and value.breakdown = 'all'
),

valued as (
    select
        member.school_year,
        member.group_code,
        member.school_id,
        member.is_core,
        figure.stage,
        figure.indicator_code,
        rule.direction,
        rule.multiplier,
        case when figure.numerator is not null and figure.denominator > 0 then figure.numerator end as numerator,
        case when figure.numerator is not null and figure.denominator > 0 then figure.denominator end as denominator
    from member
    inner join figure on figure.school_id = member.school_id and figure.school_year = member.school_year
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = figure.indicator_code
),

core as (
    select
        school_year,
        group_code,
        stage,
        indicator_code,
        cast(max(multiplier) * sum(numerator) as decimal(28, 10)) / sum(denominator) as value_exact
    from valued
    where is_core
    group by school_year, group_code, stage, indicator_code
),

compared as (
    select
        valued.*,
        core.value_exact as core_exact,
        cast(valued.multiplier * valued.numerator as decimal(28, 10)) / valued.denominator as value_exact
    from valued
    left join core
        on
            core.school_year = valued.school_year
            and core.group_code = valued.group_code
            and core.stage = valued.stage
            and core.indicator_code = valued.indicator_code
    where not valued.is_core
)

select
    school_year,
    group_code,
    school_id,
    stage,
    indicator_code,
    cast(numerator as decimal(18, 4)) as numerator,
    cast(denominator as decimal(18, 4)) as denominator,
    cast(round(value_exact, 4) as decimal(18, 4)) as value,
    cast(round(core_exact, 4) as decimal(18, 4)) as core_value,
    cast(round(value_exact - core_exact, 4) as decimal(18, 4)) as difference,
    cast(round(100 * value_exact / nullif(core_exact, 0), 2) as decimal(18, 2)) as share_of_core_pct,
    case direction
        when 'up' then value_exact < core_exact
        when 'down' then value_exact > core_exact
    end as is_behind
from compared
