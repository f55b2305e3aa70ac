with reported as (
    {{ current_rows('assessment', [
        'period', 'row_key', 'school_code', 'grade_code', 'class_code', 'assessment_kind_code', 'subject_code',
        'exam_date', 'exam_nature_code', 'score', 'full_score', 'level_code', 'xjh_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    {{ school_year('reported.period') }} as school_year,
    {{ term_no('reported.period') }} as term,
    reported.row_key,
    reported.grade_code,
    reported.class_code,
    reported.assessment_kind_code,
    reported.subject_code,
    reported.exam_date,
    reported.exam_nature_code,
    reported.score,
    reported.full_score,
    reported.level_code
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'xjh', 'xjh_key') }}
