-- What of a rule may be seen is said by its seed: a figure, the verdict alone (shares of health, whose counts are
-- protected elsewhere), or nothing (suspected dropout and the health of one school: few children, told by its name).
select
    shown.rule_code,
    shown.rule_name,
    shown.school_year,
    shown.area_level,
    division.division_code,
    division.division_name,
    school.school_id,
    school.school_name,
    shown.area_id,
    case when rule.shown_as = 'figure' then shown.numerator end as numerator,
    case when rule.shown_as = 'figure' then shown.denominator end as denominator,
    case when rule.shown_as = 'figure' then shown.value end as value,
    shown.threshold,
    shown.reason_text
from {{ ref('ana_early_warning') }} as shown
inner join {{ ref('early_warning_rule') }} as rule
    on
        rule.rule_code = shown.rule_code
        and rule.area_level = shown.area_level
        and {{ is_valid_in('rule', 'shown.school_year') }}
left join {{ ref('dim_school') }} as school
    on
        school.school_id = case when shown.area_level = 'school' then shown.area_id end
        and school.school_year = shown.school_year
        and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = coalesce(school.division_code, shown.area_id) and division.is_current
where rule.shown_as <> 'none'
