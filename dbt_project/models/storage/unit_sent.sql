-- What came and counts, whether it was owed or not: datasets that only some schools have anything to send of.
with sent as (
    select
        unit.dataset,
        school.school_id,
        unit.period,
        cast(max(unit.received_at) as date) as received_on
    from {{ ref('unit_current') }} as unit
    inner join {{ ref('map_school_code') }} as school on school.school_code = unit.unit_owner
    where not unit.is_held
    group by unit.dataset, school.school_id, unit.period
),

confirmed as (
    select
        dataset,
        school_id,
        period,
        min(status_order) as status_order
    from {{ ref('unit_status') }}
    group by dataset, school_id, period
)

select
    sent.dataset,
    sent.school_id,
    sent.period,
    sent.received_on,
    coalesce(status.data_status, {{ unconfirmed_status() }}) as data_status
from sent
left join confirmed
    on confirmed.dataset = sent.dataset and confirmed.school_id = sent.school_id and confirmed.period = sent.period
left join {{ ref('data_status') }} as status on status.sort_order = confirmed.status_order
