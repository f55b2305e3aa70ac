-- Age stands for birth date.
select
    staff.school_year,
    staff.term,
    staff.snapshot_date,
    staff.person_id,
    school.division_code,
    division.division_name,
    staff.school_id,
    school.school_name,
    school.school_kind_name,
    school.managing_org,
    school.is_private,
    school.urban_rural_group,
    staff.sex_code,
    sex.name as sex_name,
    {{ age_years('staff.birth_date', 'staff.snapshot_date') }} as age_years,
    staff.staff_category_code,
    category.name as staff_category_name,
    staff.is_full_time_teacher,
    staff.is_in_service,
    staff.is_establishment,
    staff.education_code,
    education.name as education_name,
    staff.education_rank,
    staff.teach_stage,
    stage.stage_name as teach_stage_name,
    staff.subject_code,
    subject.name as subject_name,
    staff.title_code,
    title.name as title_name,
    staff.is_backbone,
    staff.has_certificate
from {{ ref('fct_staff_snapshot') }} as staff
inner join {{ ref('dim_school') }} as school on school.school_id = staff.school_id and school.period = staff.period
left join {{ ref('dim_code') }} as sex on sex.code_set = 'XB' and sex.code = staff.sex_code
left join {{ ref('dim_code') }} as category
    on category.code_set = 'JZGLB' and category.code = staff.staff_category_code
left join {{ ref('dim_code') }} as education on education.code_set = 'XL' and education.code = staff.education_code
left join {{ ref('dim_code') }} as subject on subject.code_set = 'ZXXKC' and subject.code = staff.subject_code
left join {{ ref('dim_code') }} as title on title.code_set = 'TITLE' and title.code = staff.title_code
left join {{ ref('dim_stage') }} as stage on stage.stage = staff.teach_stage
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
where {{ is_shown('staff.person_id') }}
