select
    seen.approval_id,
    seen.dataset,
    seen.period,
    coalesce(renewed.code_then, seen.unit_owner) as unit_owner,
    seen.snapshot_date,
    seen.submission_id,
    seen.batch_id,
    seen.is_held
from {{ source('runs', 'approval_seen') }} as seen
inner join {{ ref('col_approval') }} as approval on approval.approval_id = seen.approval_id
-- What was seen under another code of the school is the same unit.
{{ join_code_then('renewed', 'seen.unit_owner', 'seen.period') }}
