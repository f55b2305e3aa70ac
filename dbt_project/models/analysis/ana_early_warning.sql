-- Warnings to schools, counties and the city, each with its reason and figure; no child is judged and nothing follows
-- by itself.
select
    measure.rule_code,
    measure.school_year,
    measure.area_level,
    measure.area_id,
    rule.rule_name,
    measure.numerator,
    measure.denominator,
    measure.value,
    rule.threshold,
    replace(
        replace(rule.reason_template, '{value}', cast(cast(round(measure.value, 1) as decimal(18, 1)) as varchar)),
        '{threshold}',
        cast(cast(rule.threshold as decimal(18, 1)) as varchar)
    ) as reason_text
from {{ ref('ana_early_warning_measure') }} as measure
inner join {{ ref('early_warning_rule') }} as rule
    on
        rule.rule_code = measure.rule_code
        and rule.area_level = measure.area_level
        and {{ is_valid_in('rule', 'measure.school_year') }}
where measure.value >= rule.threshold and coalesce(measure.denominator, rule.minimum_base) >= rule.minimum_base
