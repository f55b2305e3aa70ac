with reported as (
    {{ current_rows('class', [
        'school_code', 'period', 'snapshot_date', 'class_code', 'class_name', 'class_no', 'entry_year', 'grade_code',
        'class_kind_code', 'reported_pupils'
    ]) }}
)

select
    school.school_id,
    reported.class_code,
    reported.period,
    school.school_year,
    school.term,
    reported.snapshot_date,
    reported.class_name,
    reported.class_no,
    reported.entry_year,
    reported.grade_code,
    grade.stage,
    reported.class_kind_code,
    mixed.class_kind_code is not null as is_mixed_grade,
    reported.reported_pupils
from reported
inner join {{ ref('dim_school') }} as school
    on school.school_code = reported.school_code and school.period = reported.period
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = reported.grade_code
left join {{ ref('mixed_grade_class') }} as mixed on mixed.class_kind_code = reported.class_kind_code
