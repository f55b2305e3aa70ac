select
    'S' || coalesce(change_before.first_school_code, event.school_code) as school_id,
    'S' || coalesce(change_after.first_school_code, event.other_school_code) as successor_school_id,
    event.event_kind,
    event.effective_date
from {{ ref('school_event') }} as event
left join {{ ref('school_code_change') }} as change_before on change_before.school_code = event.school_code
left join {{ ref('school_code_change') }} as change_after on change_after.school_code = event.other_school_code
where event.event_kind in ('merge', 'split') and {{ is_recorded('event.recorded_on') }}
