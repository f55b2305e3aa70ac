-- The deliveries whose rows count. A unit is held while one of them is (unit_held); what a later delivery that waits or
-- does not count fails by holds nothing.
with held as (
    select distinct -- several deliveries of a unit may be held
        holding.dataset,
        holding.unit_owner,
        holding.period
    from {{ ref('unit_held') }} as holding
    inner join {{ ref('col_delivery') }} as delivery
        on
            delivery.dataset = holding.dataset
            and delivery.unit_owner = holding.unit_owner
            and delivery.period = holding.period
            and delivery.submission_id = holding.submission_id
    where delivery.is_current
)

select
    delivery.dataset,
    delivery.unit_owner,
    delivery.source_owner,
    'S' || coalesce(change.first_school_code, delivery.unit_owner) as owner_id,
    delivery.period,
    delivery.snapshot_date,
    delivery.submission_id,
    delivery.batch_id,
    delivery.delivery_rank,
    delivery.coverage,
    delivery.received_at,
    held.dataset is not null as is_held
from {{ ref('col_delivery') }} as delivery
left join {{ ref('school_code_change') }} as change on change.school_code = delivery.unit_owner
left join held
    on
        held.dataset = delivery.dataset
        and held.unit_owner = delivery.unit_owner
        and held.period = delivery.period
where delivery.is_current
