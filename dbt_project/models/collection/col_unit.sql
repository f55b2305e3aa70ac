select
    unit.submission_id,
    unit.batch_id,
    unit.dataset,
    unit.school_code,
    coalesce(unit.school_code, receipt.submitter_org) as unit_owner,
    unit.period,
    unit.snapshot_date,
    unit.coverage,
    unit.rows_read,
    unit.rows_accepted,
    unit.rows_quarantined
from {{ source('runs', 'unit') }} as unit
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = unit.submission_id and receipt.batch_id = unit.batch_id
where {{ is_recorded('receipt.recorded_at') }}
