-- Age and county stand for birth date and address; what is sensitive (care, disability, health) is not here.
select
    pupil.school_year,
    pupil.term,
    pupil.snapshot_date,
    pupil.person_id,
    school.division_code,
    division.division_name,
    pupil.school_id,
    school.school_name,
    school.school_kind_name,
    school.managing_org,
    school.is_private,
    school.urban_rural_group,
    pupil.stage,
    stage.stage_name,
    pupil.grade_code,
    grade.grade_name,
    pupil.class_code,
    pupil.sex_code,
    sex.name as sex_name,
    {{ age_years('pupil.birth_date', 'pupil.snapshot_date') }} as age_years,
    pupil.entry_ym,
    pupil.boarding_code,
    boarding.name as boarding_name,
    pupil.household_kind_code,
    pupil.household_division_code,
    household.division_name as household_division_name,
    pupil.status_code,
    status.name as status_name,
    pupil.is_enrolled
from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }} as pupil
inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
inner join {{ ref('dim_stage') }} as stage on stage.stage = pupil.stage
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = pupil.grade_code
left join {{ ref('dim_code') }} as sex on sex.code_set = 'XB' and sex.code = pupil.sex_code
left join {{ ref('dim_code') }} as boarding on boarding.code_set = 'JDFS' and boarding.code = pupil.boarding_code
left join {{ ref('dim_code') }} as status on status.code_set = 'XSDQZT' and status.code = pupil.status_code
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
left join {{ ref('dim_division') }} as household
    on household.division_code = pupil.household_division_code and household.is_current
where {{ is_shown('pupil.person_id') }}
