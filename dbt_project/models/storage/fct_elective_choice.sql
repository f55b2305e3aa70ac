with reported as (
    {{ current_rows('elective_choice', [
        'period', 'row_key', 'school_code', 'sex_code', 'grade_code', 'class_code', 'first_subject_code',
        'second_subject_code', 'third_subject_code', 'chosen_on', 'is_changed', 'xjh_key'
    ]) }}
)

select
    coalesce(by_number.person_id, by_row.person_id) as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.sex_code,
    reported.grade_code,
    reported.class_code,
    reported.first_subject_code,
    reported.second_subject_code,
    reported.third_subject_code,
    reported.chosen_on,
    reported.is_changed
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
left join {{ ref('map_person') }} as by_number on by_number.evidence_key = 'xjh:' || reported.xjh_key
left join {{ ref('map_person') }} as by_row
    on by_row.evidence_key = case when reported.xjh_key is null then reported.row_key end
