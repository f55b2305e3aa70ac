with reported as (
    {{ current_rows('staff_rotation', [
        'period', 'row_key', 'school_code', 'is_eligible', 'is_rotated', 'is_backbone', 'rotation_kind_code',
        'to_school_code', 'started_on', 'ended_on', 'subject_code', 'staff_no_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.is_eligible,
    reported.is_rotated,
    reported.is_backbone,
    reported.rotation_kind_code,
    reported.to_school_code,
    reported.started_on,
    reported.ended_on,
    reported.subject_code
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'gh@school', 'staff_no_key') }}
