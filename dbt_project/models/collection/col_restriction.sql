-- A restriction binds whoever builds, whatever day the build looks from: there is no day before it.
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
