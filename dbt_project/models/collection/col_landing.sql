select
    landing.submission_id,
    landing.batch_id,
    landing.status,
    landing.contract_digest,
    landing.recorded_at
from {{ source('runs', 'submission') }} as landing
where {{ is_recorded('landing.recorded_at') }}
