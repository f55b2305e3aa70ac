select
    status.dataset,
    label.dataset_name,
    status.period,
    status.division_code,
    division.division_name,
    status.expected,
    status.received,
    status.late,
    status.held,
    status.rejected,
    status.missing,
    status.coverage_pct
from {{ ref('mgt_submission_status') }} as status
inner join {{ ref('dim_dataset') }} as label on label.dataset = status.dataset
inner join {{ ref('dim_division') }} as division
    on division.division_code = status.division_code and division.is_current
