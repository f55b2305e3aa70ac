-- A month's records are merged into one file before their parts go, so a record may stand in two files.
select distinct
    run_id,
    step,
    started_at,
    finished_at,
    status,
    rows,
    detail
from {{ source('runs', 'run_log') }}
