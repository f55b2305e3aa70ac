-- What the office reports for the year, beside what the platform computes of its own data where it has that indicator
-- (the school year that begins in the year). The expected path is the straight line from the plan's baseline year to
-- its target year, rounded where a quotient is no decimal: no last bit judges a figure that lies on it. Progress is
-- what was gained in per cent of what the path asks; the light follows seed plan_light.
with computed as (
    select
        map.indicator_code,
        {{ period_year('value.period') }} as fiscal_year,
        value.division_code,
        sum(value.numerator) as numerator,
        sum(value.denominator) as denominator,
        max(rule.multiplier) as multiplier,
        coalesce(sum(value.schools_reported) < sum(value.schools_expected), false) as is_partial
    from {{ ref('plan_indicator_map') }} as map
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = map.platform_indicator
    inner join {{ ref('ana_indicator_value') }} as value
        on
            value.indicator_code = map.platform_indicator
            and value.stage = map.platform_stage
            and value.breakdown = 'all'
            and value.area_level in ('county', 'city')
    group by map.indicator_code, {{ period_year('value.period') }}, value.division_code
),

-- An indicator that several organisations report for one division counts once: the first of them by code.
reported as (
    select
        *,
        row_number() over (
            partition by fiscal_year, division_code, indicator_code
            order by submitter_org
        ) as copy_no
    from {{ ref('fct_plan_indicator') }}
),

owed as (
    select distinct -- every indicator of every division in each year of the plan that anything was reported for
        plan.plan_code,
        plan.plan_name,
        plan.indicator_code,
        plan.indicator_name,
        plan.indicator_unit,
        plan.attribute_code,
        plan.direction_code,
        plan.baseline_year,
        plan.target_year,
        sent.fiscal_year,
        division.division_code
    from {{ ref('plan_registry') }} as plan
    inner join {{ ref('fct_plan_indicator') }} as sent
        on sent.fiscal_year > plan.baseline_year and sent.fiscal_year <= plan.target_year
    inner join {{ ref('dim_division') }} as division
        on division.is_current and division.division_level in ('city', 'county', 'zone')
),

joined as (
    select
        owed.plan_code,
        owed.plan_name,
        owed.fiscal_year,
        owed.division_code,
        owed.indicator_code,
        owed.indicator_name,
        owed.indicator_unit,
        coalesce(reported.attribute_code, owed.attribute_code) as attribute_code,
        coalesce(reported.direction_code, owed.direction_code) as direction_code,
        owed.baseline_year,
        owed.target_year,
        reported.baseline_2020 as baseline_value,
        reported.target_2025 as final_target,
        reported.target_value,
        reported.actual_value,
        reported.cut_off_date,
        reported.evidence_no,
        cast(computed.multiplier * computed.numerator as decimal(28, 10)) / nullif(computed.denominator, 0)
            as computed_exact,
        computed.is_partial,
        case coalesce(reported.direction_code, owed.direction_code) when '2' then -1 else 1 end as sign,
        cast(round(
            reported.baseline_2020
            + (reported.target_2025 - reported.baseline_2020)
            * cast(owed.fiscal_year - owed.baseline_year as decimal(9, 4)) / (owed.target_year - owed.baseline_year),
            8
        ) as decimal(28, 8)) as expected_exact
    from owed
    left join reported
        on
            reported.fiscal_year = owed.fiscal_year
            and reported.division_code = owed.division_code
            and reported.indicator_code = owed.indicator_code
            and reported.copy_no = 1
    left join computed
        on
            computed.indicator_code = owed.indicator_code
            and computed.fiscal_year = owed.fiscal_year
            and computed.division_code = owed.division_code
),

measured as (
    select
        *,
        case
            when actual_value is null or expected_exact is null then null
            when sign * (actual_value - expected_exact) >= 0 then 100
            -- A path that asks for nothing, or for going back, is missed by any worse figure.
            when sign * (expected_exact - baseline_value) <= 0 then 0
            else
                cast(round(
                    100 * cast(actual_value - baseline_value as decimal(28, 10)) / (expected_exact - baseline_value), 8
                ) as decimal(28, 8))
        end as progress_exact
    from joined
),

lit as (
    select
        measured.plan_code,
        measured.fiscal_year,
        measured.division_code,
        measured.indicator_code,
        rule.light,
        row_number() over (
            partition by measured.plan_code, measured.fiscal_year, measured.division_code, measured.indicator_code
            order by rule.sort_order
        ) as light_no
    from measured
    inner join {{ ref('plan_light') }} as rule
        on
            rule.attribute_code = measured.attribute_code
            and measured.progress_exact >= rule.minimum_progress_pct
            and extract(year from rule.valid_from) <= measured.fiscal_year
            and coalesce(extract(year from rule.valid_to), 9999) >= measured.fiscal_year
)

select
    measured.plan_code,
    measured.plan_name,
    measured.fiscal_year,
    measured.division_code,
    measured.indicator_code,
    measured.indicator_name,
    measured.indicator_unit,
    measured.attribute_code,
    measured.direction_code,
    measured.baseline_value,
    measured.final_target,
    measured.target_value,
    measured.actual_value,
    cast(round(measured.computed_exact, 4) as decimal(18, 4)) as computed_value,
    measured.is_partial as is_computed_partial,
    cast(round(measured.actual_value - measured.computed_exact, 4) as decimal(18, 4)) as difference_from_computed,
    cast(measured.sign * (measured.final_target - measured.actual_value) as decimal(18, 4)) as distance_to_target,
    cast(round(measured.expected_exact, 4) as decimal(18, 4)) as expected_value,
    cast(round(measured.progress_exact, 2) as decimal(18, 2)) as progress_pct,
    case
        when measured.progress_exact is null then 'none'
        else coalesce(lit.light, 'red')
    end as light,
    measured.cut_off_date,
    measured.evidence_no
from measured
left join lit
    on
        lit.plan_code = measured.plan_code
        and lit.fiscal_year = measured.fiscal_year
        and lit.division_code = measured.division_code
        and lit.indicator_code = measured.indicator_code
        and lit.light_no = 1
