with change as (
    {{ current_rows('student_event', [
        'school_code', 'period', 'row_key', 'xjh_key', 'event_kind_code', 'event_date', 'reason_code_of_event',
        'approved_date', 'from_school_code', 'to_school_code'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    change.period,
    change.row_key,
    change.event_kind_code,
    change.event_date,
    change.reason_code_of_event,
    change.approved_date,
    change.approved_date is not null as is_approved,
    from_school.school_id as from_school_id,
    to_school.school_id as to_school_id
from change
inner join
    {{ ref('dim_school') }} as school
    on school.school_code = change.school_code and school.period = change.period
{{ person_joins('change', 'xjh', 'xjh_key') }}
left join {{ ref('map_school_code') }} as from_school on from_school.school_code = change.from_school_code
left join {{ ref('map_school_code') }} as to_school on to_school.school_code = change.to_school_code
