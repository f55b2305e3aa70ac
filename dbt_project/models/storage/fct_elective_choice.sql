with reported as (
    {{ current_rows('elective_choice', [
        'period', 'row_key', 'school_code', 'sex_code', 'grade_code', 'class_code', 'first_subject_code',
        'second_subject_code', 'third_subject_code', 'chosen_on', 'is_changed', 'xjh_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
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
{{ person_joins('reported', 'xjh', 'xjh_key') }}
