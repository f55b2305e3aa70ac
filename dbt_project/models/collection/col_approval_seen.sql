select
    seen.approval_id,
    seen.dataset,
    seen.period,
    seen.unit_owner,
    seen.snapshot_date,
    seen.submission_id,
    seen.batch_id,
    seen.is_held
from {{ source('runs', 'approval_seen') }} as seen
inner join {{ ref('col_approval') }} as approval on approval.approval_id = seen.approval_id
