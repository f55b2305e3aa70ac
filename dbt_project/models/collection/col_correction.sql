select
    correction_id,
    dataset,
    unit_owner,
    period,
    submission_id,
    decision,
    figures_before,
    figures_after,
    author,
    reason,
    recorded_at
from {{ source('runs', 'correction') }}
where {{ is_recorded('recorded_at') }}
