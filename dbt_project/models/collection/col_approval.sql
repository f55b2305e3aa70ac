select
    approval_id,
    org,
    org_level,
    dataset,
    period,
    content_digest,
    units,
    covered_orgs,
    author,
    reason,
    recorded_at
from {{ source('runs', 'approval') }}
where {{ is_recorded('recorded_at') }}
