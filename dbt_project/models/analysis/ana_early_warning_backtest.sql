-- What each rule said in one year against what the same figure was the year after.
with paired as (
    select
        measure.rule_code,
        measure.area_level,
        measure.school_year,
        measure.value >= rule.threshold
        and coalesce(measure.denominator, rule.minimum_base) >= rule.minimum_base as is_warned,
        later.value >= rule.outcome_threshold as has_happened
    from {{ ref('ana_early_warning_measure') }} as measure
    inner join {{ ref('early_warning_rule') }} as rule
        on
            rule.rule_code = measure.rule_code
            and rule.area_level = measure.area_level
            and {{ is_valid_in('rule', 'measure.school_year') }}
    inner join {{ ref('ana_early_warning_measure') }} as later
        on
            later.rule_code = measure.rule_code
            and later.area_level = measure.area_level
            and later.area_id = measure.area_id
            and later.school_year = {{ shifted_year('measure.school_year', 1) }}
    where measure.value is not null and later.value is not null
),

counted as (
    select
        rule_code,
        area_level,
        school_year,
        count(*) as areas,
        count(*) filter (where is_warned) as warned,
        count(*) filter (where has_happened) as happened,
        count(*) filter (where is_warned and has_happened) as warned_and_happened
    from paired
    group by rule_code, area_level, school_year
)

select
    rule_code,
    area_level,
    school_year,
    areas,
    warned,
    happened,
    warned_and_happened,
    cast(round(100 * warned_and_happened / nullif(cast(warned as decimal(18, 4)), 0), 4) as decimal(7, 4))
        as precision_pct,
    cast(round(100 * warned_and_happened / nullif(cast(happened as decimal(18, 4)), 0), 4) as decimal(7, 4))
        as recall_pct
from counted
