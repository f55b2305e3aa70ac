-- Suspected dropout is left out: a school's are few children, and its name beside the city's ledger tells them.
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
    shown.numerator,
    shown.denominator,
    shown.value,
    shown.threshold,
    shown.reason_text
from {{ ref('ana_early_warning') }} as shown
left join {{ ref('dim_school') }} as school
    on
        shown.area_level = 'school'
        and school.school_id = shown.area_id
        and school.school_year = shown.school_year
        and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = coalesce(school.division_code, shown.area_id) and division.is_current
where shown.rule_code <> 'dropout_suspected'
