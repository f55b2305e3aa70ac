with change as (
    {{ current_rows('student_event', [
        'school_code', 'period', 'row_key', 'xjh_key', 'event_kind_code', 'event_date', 'reason_code_of_event',
        'approved_date', 'from_school_code', 'to_school_code'
    ]) }}
)

select
    coalesce(by_roll.person_id, by_row.person_id) as person_id,
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
left join {{ ref('map_person') }} as by_roll on by_roll.evidence_key = 'xjh:' || change.xjh_key
left join {{ ref('map_person') }} as by_row
    on by_row.evidence_key = case when change.xjh_key is null then change.row_key end
left join {{ ref('dim_school') }} as from_school
    on from_school.school_code = change.from_school_code and from_school.period = change.period
left join {{ ref('dim_school') }} as to_school
    on to_school.school_code = change.to_school_code and to_school.period = change.period
