with reported as (
    {{ current_rows('student_support', [
        'period', 'row_key', 'school_code', 'grade_code', 'support_kind_code', 'left_behind_code',
        'study_place_code', 'disability_code', 'disability_level', 'placement_code', 'difficulty_code',
        'difficulty_reason_code', 'aid_item_code', 'aid_amount_yuan', 'found_on', 'return_code', 'xjh_key'
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
    reported.support_kind_code,
    reported.left_behind_code,
    reported.study_place_code,
    reported.disability_code,
    reported.disability_level,
    reported.placement_code,
    reported.difficulty_code,
    reported.difficulty_reason_code,
    reported.aid_item_code,
    reported.aid_amount_yuan,
    reported.found_on,
    reported.return_code
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'xjh', 'xjh_key') }}
