with receipt as (
    {{ newest_landing() }}
)

select
    finding.submission_id,
    finding.batch_id,
    finding.dataset,
    finding.sheet,
    finding.row_number,
    finding.field,
    finding.reason_code,
    finding.class_no,
    finding.severity,
    finding.message_zh
from {{ source('runs', 'finding') }} as finding
inner join receipt
    on receipt.submission_id = finding.submission_id and receipt.batch_id = finding.batch_id
