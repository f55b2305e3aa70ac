-- A full delivery supersedes its unit; partial deliveries and deltas after it merge on top, newest first.
with delivery as (
    select
        unit.dataset,
        unit.unit_owner,
        unit.source_owner,
        unit.period,
        unit.snapshot_date,
        unit.submission_id,
        unit.coverage,
        submission.received_at,
        dense_rank() over (
            partition by unit.dataset, unit.unit_owner, unit.period, unit.snapshot_date
            order by submission.received_at desc, submission.submission_id desc
        ) as delivery_rank
    from {{ ref('col_unit') }} as unit
    inner join {{ ref('col_submission') }} as submission on submission.submission_id = unit.submission_id
    left join {{ ref('unit_waiting') }} as waiting
        on
            waiting.submission_id = unit.submission_id
            and waiting.dataset = unit.dataset
            and waiting.unit_owner = unit.unit_owner
            and waiting.period = unit.period
            and waiting.snapshot_date is not distinct from unit.snapshot_date
    where submission.status <> 'rejected' and not submission.is_repeat and waiting.submission_id is null
),

newest_full as (
    select
        dataset,
        unit_owner,
        period,
        snapshot_date,
        min(delivery_rank) as full_rank
    from delivery
    where coverage = 'full'
    group by dataset, unit_owner, period, snapshot_date
),

held as (
    select distinct
        dataset,
        school_code,
        period
    from {{ ref('col_gate_result') }}
    where gate = 'collection' and scope = 'unit' and not is_success
)

select
    delivery.dataset,
    delivery.unit_owner,
    delivery.source_owner,
    delivery.period,
    delivery.snapshot_date,
    delivery.submission_id,
    cast(delivery.delivery_rank as integer) as delivery_rank,
    delivery.coverage,
    delivery.received_at,
    held.dataset is not null as is_held
from delivery
left join newest_full
    on
        newest_full.dataset = delivery.dataset
        and newest_full.unit_owner = delivery.unit_owner
        and newest_full.period = delivery.period
        and newest_full.snapshot_date is not distinct from delivery.snapshot_date
left join held
    on
        held.dataset = delivery.dataset
        and held.school_code = delivery.unit_owner
        and held.period = delivery.period
where newest_full.full_rank is null or delivery.delivery_rank <= newest_full.full_rank
