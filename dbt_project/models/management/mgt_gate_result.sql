select
    gate,
    suite,
    table_name,
    scope,
    severity,
    expectation,
    dataset,
    school_code,
    period,
    snapshot_date,
    submission_id,
    is_success,
    observed,
    notes,
    run_id,
    recorded_at
from {{ ref('col_gate_result') }}
