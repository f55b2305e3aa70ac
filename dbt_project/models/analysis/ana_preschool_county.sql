-- The county-level judgement of 教督〔2020〕1号; a development zone is judged with the county that it lies in.
with judged_code as (
    select indicator_code
    from {{ ref('indicator_threshold') }}
    where stage = 'preschool' and area_level = 'county'
    group by indicator_code
),

part as (
    select
        part.indicator_code,
        part.period,
        {{ period_year('part.period') }} as first_year,
        division.evaluated_with_division as division_code,
        part.school_id,
        part.numerator,
        part.denominator,
        rule.combine,
        rule.multiplier,
        case rule.combine
            when 'area' then part.numerator is not null or part.denominator is not null
            else part.numerator is not null and part.denominator is not null
        end as is_reported,
        part.school_id is null and part.denominator is null as is_division_missing,
        status.sort_order as status_order
    from {{ ref('ana_indicator_part') }} as part
    inner join judged_code on judged_code.indicator_code = part.indicator_code
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = part.indicator_code
    inner join {{ ref('data_status') }} as status on status.data_status = part.data_status
    inner join {{ ref('dim_division') }} as division
        on division.division_code = part.division_code and division.is_current
    where
        part.stage = 'preschool'
        and part.breakdown = 'all'
        and division.evaluated_with_division is not null
),

summed as (
    select
        indicator_code,
        period,
        first_year,
        division_code,
        combine,
        multiplier,
        sum(numerator) filter (where is_reported) as numerator,
        sum(denominator) filter (where is_reported) as denominator,
        count(distinct school_id) as kindergartens_expected,
        count(distinct school_id) filter (where is_reported) as kindergartens_reported,
        bool_or(is_division_missing) as is_division_missing,
        coalesce(min(status_order) filter (where is_reported), 0) as status_order
    from part
    group by indicator_code, period, first_year, division_code, combine, multiplier
),

valued as (
    select
        summed.*,
        case
            when summed.combine = 'area' and summed.is_division_missing then null
            when summed.denominator > 0
                then cast(summed.multiplier * summed.numerator as decimal(28, 10)) / summed.denominator
        end as value_exact
    from summed
)

select
    cast(valued.first_year as varchar) || '-' || cast(valued.first_year + 1 as varchar) as school_year,
    valued.division_code,
    valued.indicator_code,
    valued.period,
    cast(valued.numerator as decimal(18, 4)) as numerator,
    cast(valued.denominator as decimal(18, 4)) as denominator,
    cast(round(valued.value_exact, 4) as decimal(18, 4)) as value,
    rule.comparator,
    rule.threshold,
    -- What is missing to the standard is negative, what is over it positive.
    cast(round(
        case rule.comparator
            when '>=' then valued.value_exact - rule.threshold else rule.threshold - valued.value_exact
        end,
        4
    ) as decimal(18, 4)) as distance,
    case
        when not status.allows_verdict then null
        when valued.combine = 'area' and valued.kindergartens_reported < valued.kindergartens_expected then null
        when rule.comparator = '>=' then valued.value_exact >= rule.threshold
        else valued.value_exact <= rule.threshold
    end as is_met,
    valued.kindergartens_expected,
    valued.kindergartens_reported,
    status.data_status
from valued
inner join {{ ref('data_status') }} as status on status.sort_order = valued.status_order
inner join {{ ref('indicator_threshold') }} as rule
    on
        rule.indicator_code = valued.indicator_code
        and rule.stage = 'preschool'
        and rule.area_level = 'county'
        and {{ is_valid_in('rule', 'valued.period') }}
