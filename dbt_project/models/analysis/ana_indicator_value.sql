-- Parts become figures of schools, counties and the city by one rule for each way of combining (docs/adr/0014).
with placed as (
    select
        part.indicator_code,
        part.period,
        part.stage,
        part.breakdown,
        part.breakdown_value,
        part.division_code,
        part.school_id,
        part.numerator,
        part.denominator,
        part.data_status,
        rule.combine,
        rule.multiplier,
        rule.has_school_level,
        rule.by_residence,
        rule.by_ownership,
        status.sort_order as status_order,
        cut.has_school_level as is_cut_shown_of_school,
        case school.urban_rural_group when '城区' then 'urban' when '镇区' then 'town' when '乡村' then 'rural' end
            as residence,
        case when school.is_private then 'private' else 'public' end as ownership,
        case rule.combine
            when 'ratio' then part.numerator is not null and part.denominator is not null
            when 'count' then part.numerator is not null
            -- Where a division's own denominator is missing, its schools' numerators would be added to nothing.
            else
                (part.numerator is not null or part.denominator is not null)
                and not coalesce(bool_or(part.school_id is null and part.denominator is null) over (
                    partition by
                        part.indicator_code, part.period, part.division_code, part.stage, part.breakdown,
                        part.breakdown_value
                ), false)
        end as is_reported
    from {{ ref('ana_indicator_part') }} as part
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = part.indicator_code
    inner join {{ ref('data_status') }} as status on status.data_status = part.data_status
    left join {{ ref('indicator_breakdown') }} as cut
        on cut.breakdown = part.breakdown and cut.breakdown_value = part.breakdown_value
    left join {{ ref('dim_school') }} as school
        on
            school.school_id = part.school_id
            and school.term = 1
            and {{ period_year('school.period') }} = {{ period_year('part.period') }}
),

spread as (
    select
        *,
        breakdown as spread_by,
        breakdown_value as spread_value
    from placed
    union all
    select
        *,
        'residence' as spread_by,
        residence as spread_value
    from placed
    where breakdown = 'all' and by_residence and residence is not null
    union all
    select
        *,
        'ownership' as spread_by,
        ownership as spread_value
    from placed
    where breakdown = 'all' and by_ownership and school_id is not null
),

levelled as (
    select
        spread.*,
        'school' as area_level,
        spread.division_code as area_code,
        spread.school_id as area_school_id
    from spread
    where
        spread.has_school_level
        and spread.school_id is not null
        and spread.spread_by = spread.breakdown
        and coalesce(spread.is_cut_shown_of_school, true)
    union all
    select
        spread.*,
        'county' as area_level,
        spread.division_code as area_code,
        cast(null as varchar) as area_school_id
    from spread
    union all
    select
        spread.*,
        'city' as area_level,
        division.parent_code as area_code,
        cast(null as varchar) as area_school_id
    from spread
    inner join {{ ref('dim_division') }} as division
        on division.division_code = spread.division_code and division.is_current
),

summed as (
    select
        indicator_code,
        period,
        area_level,
        area_code as division_code,
        area_school_id as school_id,
        stage,
        spread_by as breakdown,
        spread_value as breakdown_value,
        combine,
        multiplier,
        sum(numerator) filter (where is_reported) as numerator,
        sum(denominator) filter (where is_reported) as denominator,
        -- A school has one part of a figure (the key of analysis.indicator_part), so none is counted twice.
        count(school_id) as schools_expected,
        count(school_id) filter (where is_reported) as schools_reported,
        count(*) filter (where school_id is null and not is_reported) as divisions_missing,
        coalesce(min(status_order) filter (where is_reported), 0) as status_order
    from levelled
    group by
        indicator_code, period, area_level, area_code, area_school_id, stage, spread_by, spread_value, combine,
        multiplier
),

valued as (
    select
        summed.*,
        summed.schools_reported = summed.schools_expected and summed.divisions_missing = 0 as is_complete,
        case
            when summed.combine = 'count' then summed.numerator * summed.multiplier
            when summed.denominator > 0
                then cast(summed.multiplier * summed.numerator as decimal(28, 10)) / summed.denominator
        end as value_exact
    from summed
)

select
    valued.indicator_code,
    valued.period,
    valued.area_level,
    coalesce(valued.school_id, valued.division_code) as area_id,
    valued.division_code,
    valued.school_id,
    valued.stage,
    valued.breakdown,
    valued.breakdown_value,
    cast(valued.numerator as decimal(18, 4)) as numerator,
    cast(valued.denominator as decimal(18, 4)) as denominator,
    cast(round(valued.value_exact, 4) as decimal(18, 4)) as value,
    case
        when valued.value_exact is not null and not valued.is_complete then 'partial'
        when valued.value_exact is not null then 'valued'
        when valued.denominator = 0 then 'no_denominator'
        else 'not_reported'
    end as value_state,
    rule.threshold,
    case
        -- Nobody is judged by some of the schools: the others could tip the figure over the bound.
        when valued.value_exact is null or not valued.is_complete or not status.allows_verdict then null
        when rule.comparator = '>=' then valued.value_exact >= rule.threshold
        when rule.comparator = '<=' then valued.value_exact <= rule.threshold
    end as is_met,
    valued.schools_expected,
    valued.schools_reported,
    status.data_status
from valued
inner join {{ ref('data_status') }} as status on status.sort_order = valued.status_order
left join {{ ref('indicator_threshold') }} as rule
    on
        rule.indicator_code = valued.indicator_code
        and rule.stage = valued.stage
        and rule.area_level = valued.area_level
        and valued.breakdown = 'all'
        and {{ is_valid_in('rule', 'valued.period') }}
