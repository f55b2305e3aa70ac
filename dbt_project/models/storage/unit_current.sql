-- The deliveries whose rows count. A unit is held while one of them fails the collection gate and no steward let it
-- through; what a later delivery that waits or does not count fails by holds nothing.
with held as (
    select distinct -- a unit may be held for several reasons
        failing.dataset,
        failing.school_code,
        failing.period
    from {{ ref('col_held_unit') }} as failing
    inner join {{ ref('col_delivery') }} as delivery
        on
            delivery.dataset = failing.dataset
            and delivery.unit_owner = failing.school_code
            and delivery.period = failing.period
            and delivery.submission_id = failing.submission_id
    where delivery.is_current
)

select
    delivery.dataset,
    delivery.unit_owner,
    delivery.source_owner,
    delivery.period,
    delivery.snapshot_date,
    delivery.submission_id,
    delivery.batch_id,
    delivery.delivery_rank,
    delivery.coverage,
    delivery.received_at,
    held.dataset is not null as is_held
from {{ ref('col_delivery') }} as delivery
left join held
    on
        held.dataset = delivery.dataset
        and held.school_code = delivery.unit_owner
        and held.period = delivery.period
where delivery.is_current
