-- A delivery is held while it fails the collection gate and no steward let it through. What the city locked stays as it
-- saw it, held or not: neither a release nor a gate that judges otherwise later changes figures that are locked.
with locked as (
    select
        seen.dataset,
        seen.unit_owner,
        seen.period,
        seen.submission_id,
        max(case when seen.is_held then 1 else 0 end) = 1 as is_held
    from {{ ref('col_approval_seen') }} as seen
    inner join {{ ref('col_approval') }} as approval on approval.approval_id = seen.approval_id
    -- Approvals of before this was recorded bind nothing of it.
    where approval.org_level = 'city' and seen.is_held is not null
    group by seen.dataset, seen.unit_owner, seen.period, seen.submission_id
)

select distinct -- a delivery may be held for several reasons
    failing.dataset,
    failing.school_code as unit_owner,
    failing.period,
    failing.submission_id
from {{ ref('col_held_unit') }} as failing
left join locked
    on
        locked.dataset = failing.dataset
        and locked.unit_owner = failing.school_code
        and locked.period = failing.period
        and locked.submission_id = failing.submission_id
where locked.submission_id is null
union all
select
    dataset,
    unit_owner,
    period,
    submission_id
from locked
where is_held
