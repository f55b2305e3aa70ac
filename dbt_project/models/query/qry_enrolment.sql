select
    pupil.school_year,
    pupil.term,
    pupil.snapshot_date,
    school.division_code,
    division.division_name,
    pupil.school_id,
    school.school_name,
    school.school_kind_name,
    school.is_private,
    school.urban_rural_group,
    pupil.stage,
    stage.stage_name,
    pupil.grade_code,
    grade.grade_name,
    coalesce(pupil.sex_code, '9') as sex_code,
    sex.name as sex_name,
    count(*) as pupils,
    count(*) filter (where pupil.boarding_code = '2') as pupils_boarding
from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }} as pupil
inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
inner join {{ ref('dim_stage') }} as stage on stage.stage = pupil.stage
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = pupil.grade_code
inner join {{ ref('dim_code') }} as sex on sex.code_set = 'XB' and sex.code = coalesce(pupil.sex_code, '9')
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
where pupil.is_enrolled
group by
    pupil.school_year, pupil.term, pupil.snapshot_date, school.division_code, division.division_name, pupil.school_id,
    school.school_name, school.school_kind_name, school.is_private, school.urban_rural_group, pupil.stage,
    stage.stage_name, pupil.grade_code, grade.grade_name, coalesce(pupil.sex_code, '9'), sex.name
