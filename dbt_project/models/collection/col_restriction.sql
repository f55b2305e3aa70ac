select
    restriction_id,
    person_id,
    action,
    author,
    reason,
    recorded_at
from {{ source('runs', 'restriction') }}
where {{ is_recorded('recorded_at') }}
