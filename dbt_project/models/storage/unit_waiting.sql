select
    dataset,
    unit_owner,
    period,
    snapshot_date,
    submission_id,
    coverage,
    received_at,
    approval_id,
    correction_status
from {{ ref('col_waiting') }}
