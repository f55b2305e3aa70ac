with reported as (
    {{ current_rows('staff_training', [
        'period', 'row_key', 'school_code', 'project_no', 'training_kind_code', 'training_level_code',
        'training_form_code', 'started_ym', 'ended_ym', 'hours', 'is_passed', 'staff_no_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.project_no,
    reported.training_kind_code,
    reported.training_level_code,
    reported.training_form_code,
    reported.started_ym,
    reported.ended_ym,
    reported.hours,
    reported.is_passed
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'gh@school', 'staff_no_key') }}
