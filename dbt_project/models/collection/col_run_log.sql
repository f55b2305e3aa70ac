select
    run_id,
    step,
    started_at,
    finished_at,
    status,
    rows,
    detail
from {{ source('runs', 'run_log') }}
