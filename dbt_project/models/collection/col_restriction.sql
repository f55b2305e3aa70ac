select
    restriction_id,
    person_id,
    coalesce(evidence_key, person_id) as evidence_key,
    evidence_key is not null as has_keys,
    action,
    author,
    reason,
    recorded_at
from {{ source('runs', 'restriction') }}
where {{ is_recorded('recorded_at') }}
