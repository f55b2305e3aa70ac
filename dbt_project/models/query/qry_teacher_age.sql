select
    shown.school_year,
    shown.area_level,
    division.division_code,
    division.division_name,
    school.school_id,
    school.school_name,
    shown.area_id,
    shown.stage,
    stage.stage_name,
    shown.sex_code,
    sex.breakdown_value_name as sex_name,
    shown.age_band,
    band.age_band_name,
    shown.teachers,
    shown.schools_expected,
    shown.schools_reported
from {{ ref('ana_teacher_age') }} as shown
inner join {{ ref('teacher_age_band') }} as band on band.age_band = shown.age_band
left join {{ ref('indicator_breakdown') }} as sex
    on sex.breakdown = 'sex' and sex.breakdown_value = shown.sex_code
left join {{ ref('dim_stage') }} as stage on stage.stage = shown.stage
left join {{ ref('dim_school') }} as school
    on
        school.school_id = case when shown.area_level = 'school' then shown.area_id end
        and school.school_year = shown.school_year
        and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = coalesce(school.division_code, shown.area_id) and division.is_current
