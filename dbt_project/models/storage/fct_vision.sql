with reported as (
    {{ current_rows('vision', [
        'period', 'row_key', 'school_code', 'sex_code', 'grade_code', 'class_code', 'screened_on',
        'naked_left', 'naked_right', 'corrected_left', 'corrected_right', 'sphere_left', 'sphere_right',
        'cylinder_left', 'cylinder_right', 'wears_glasses', 'wears_ok_lens', 'xjh_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    {{ school_year('reported.period') }} as school_year,
    {{ term_no('reported.period') }} as term,
    reported.row_key,
    reported.sex_code,
    reported.grade_code,
    reported.class_code,
    reported.screened_on,
    reported.naked_left,
    reported.naked_right,
    reported.corrected_left,
    reported.corrected_right,
    reported.sphere_left,
    reported.sphere_right,
    reported.cylinder_left,
    reported.cylinder_right,
    reported.wears_glasses,
    reported.wears_ok_lens
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'xjh', 'xjh_key') }}
