with reported as (
    {{ current_rows('assessment', [
        'period', 'row_key', 'school_code', 'grade_code', 'class_code', 'assessment_kind_code', 'subject_code',
        'exam_date', 'exam_nature_code', 'score', 'full_score', 'level_code', 'xjh_key'
    ]) }}
)

select
    coalesce(by_number.person_id, by_row.person_id) as person_id,
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
left join {{ ref('map_person') }} as by_number on by_number.evidence_key = 'xjh:' || reported.xjh_key
left join {{ ref('map_person') }} as by_row
    on by_row.evidence_key = case when reported.xjh_key is null then reported.row_key end
