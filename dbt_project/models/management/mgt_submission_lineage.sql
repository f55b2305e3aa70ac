-- What became of each submission is derived for the time that the build looks from; receipts are never changed.
with landing_count as (
    select
        submission_id,
        count(distinct batch_id) as landings
    from {{ ref('col_landing') }}
    group by submission_id
),

counted as (
    select
        delivery.submission_id,
        count(*) as units,
        count(*) filter (where delivery.is_current) as units_current,
        count(*) filter (where unit.is_held) as units_held
    from {{ ref('col_delivery') }} as delivery
    left join {{ ref('unit_current') }} as unit
        on
            unit.dataset = delivery.dataset
            and unit.unit_owner = delivery.unit_owner
            and unit.source_owner = delivery.source_owner
            and unit.period = delivery.period
            and unit.snapshot_date is not distinct from delivery.snapshot_date
            and unit.submission_id = delivery.submission_id
    group by delivery.submission_id
),

waiting as (
    select distinct submission_id -- one of its units is enough
    from {{ ref('col_waiting') }}
),

superseding as (
    select
        delivery.submission_id,
        delivery.superseded_by,
        row_number() over (
            partition by delivery.submission_id
            order by later.received_at desc, delivery.superseded_by desc
        ) as newest_no
    from {{ ref('col_delivery') }} as delivery
    inner join {{ ref('col_submission') }} as later on later.submission_id = delivery.superseded_by
)

select
    receipt.submission_id,
    receipt.dataset,
    receipt.submitter_org,
    receipt.period,
    receipt.snapshot_date,
    receipt.coverage,
    receipt.received_at,
    case
        when receipt.is_withdrawn then 'withdrawn'
        when receipt.status = 'rejected' then 'rejected'
        when receipt.is_repeat then 'repeated'
        when counted.submission_id is null and waiting.submission_id is not null then 'waiting'
        when counted.units_current = 0 then 'superseded'
        when counted.units_held = counted.units_current then 'held'
        else 'current'
    end as state,
    case when counted.units_current = 0 then superseding.superseded_by end as superseded_by,
    coalesce(counted.units, 0) as units,
    coalesce(counted.units_current, 0) as units_current,
    coalesce(counted.units_held, 0) as units_held,
    landing_count.landings,
    withdrawal.author as withdrawn_by,
    withdrawal.recorded_at as withdrawn_at,
    withdrawal.reason as withdrawal_reason
from {{ ref('col_submission') }} as receipt
inner join landing_count on landing_count.submission_id = receipt.submission_id
left join counted on counted.submission_id = receipt.submission_id
left join waiting on waiting.submission_id = receipt.submission_id
left join superseding on superseding.submission_id = receipt.submission_id and superseding.newest_no = 1
left join {{ ref('col_withdrawal') }} as withdrawal on withdrawal.submission_id = receipt.submission_id
