with reported as (
    {{ current_rows('staff_rotation', [
        'period', 'row_key', 'school_code', 'is_eligible', 'is_rotated', 'is_backbone', 'rotation_kind_code',
        'to_school_code', 'started_on', 'ended_on', 'subject_code', 'staff_no_key'
    ]) }}
)

select
    coalesce(by_number.person_id, by_row.person_id) as person_id,
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
left join {{ ref('map_person') }} as by_number on by_number.evidence_key = 'gh@school:' || reported.staff_no_key
left join {{ ref('map_person') }} as by_row
    on by_row.evidence_key = case when reported.staff_no_key is null then reported.row_key end
