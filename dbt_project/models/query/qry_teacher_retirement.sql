select
    shown.school_year,
    shown.area_level,
    division.division_code,
    division.division_name,
    school.school_id,
    school.school_name,
    shown.area_id,
    shown.year_no,
    shown.retirement_school_year,
    shown.teachers_due,
    shown.staff_due,
    shown.staff_in_service,
    shown.staff_unknown,
    shown.schools_expected,
    shown.schools_reported
from {{ ref('ana_teacher_retirement') }} as shown
left join {{ ref('dim_school') }} as school
    on
        school.school_id = case when shown.area_level = 'school' then shown.area_id end
        and school.school_year = shown.school_year
        and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = coalesce(school.division_code, shown.area_id) and division.is_current
