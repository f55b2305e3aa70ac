with reported as (
    {{ current_rows('digital_campus', [
        'period', 'row_key', 'school_code', 'bandwidth_mbps', 'has_wireless', 'student_terminals',
        'teacher_terminals', 'multimedia_classrooms', 'smart_classrooms', 'recording_classrooms',
        'learning_spaces', 'trained_teachers', 'security_level_code', 'has_security_plan',
        'is_digital_campus_standard'
    ]) }}
)

select
    school.school_id,
    reported.period,
    reported.row_key,
    reported.bandwidth_mbps,
    reported.has_wireless,
    reported.student_terminals,
    reported.teacher_terminals,
    reported.multimedia_classrooms,
    reported.smart_classrooms,
    reported.recording_classrooms,
    reported.learning_spaces,
    reported.trained_teachers,
    reported.security_level_code,
    reported.has_security_plan,
    reported.is_digital_campus_standard
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
