with reported as (
    {{ current_rows('staff_post', [
        'period', 'row_key', 'school_code', 'post_code', 'post_kind_code', 'post_level', 'title_code',
        'appointment_code', 'appointed_from', 'appointed_to', 'establishment_code', 'weekly_lessons',
        'is_homeroom', 'is_dual_qualified', 'is_mental_health', 'staff_no_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.post_code,
    reported.post_kind_code,
    reported.post_level,
    reported.title_code,
    reported.appointment_code,
    reported.appointed_from,
    reported.appointed_to,
    reported.establishment_code,
    reported.weekly_lessons,
    reported.is_homeroom,
    reported.is_dual_qualified,
    reported.is_mental_health
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'gh@school', 'staff_no_key') }}
