select
    shown.school_year,
    shown.division_code,
    division.division_name,
    shown.school_id,
    school.school_name,
    shown.is_key_school,
    shown.standard_code,
    rule.standard_name,
    rule.unit,
    rule.comparator,
    shown.threshold,
    shown.value,
    shown.distance,
    shown.is_met
from {{ ref('ana_vocational_condition') }} as shown
inner join {{ ref('vocational_standard') }} as rule
    on rule.standard_code = shown.standard_code and {{ is_valid_in('rule', 'shown.school_year') }}
inner join {{ ref('dim_school') }} as school
    on school.school_id = shown.school_id and school.school_year = shown.school_year and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = shown.division_code and division.is_current
