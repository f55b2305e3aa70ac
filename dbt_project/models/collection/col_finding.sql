with receipt as (
    {{ newest_landing() }}
)

select
    finding.submission_id,
    finding.batch_id,
    finding.dataset,
    finding.school_code,
    coalesce(renewed.code_then, alias.school_code, finding.school_code, receipt.submitter_org) as unit_owner,
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
-- A system names organisations in its own way; a seed row says which school of the registry is meant.
left join {{ ref('organisation_alias') }} as alias on alias.source_org = finding.school_code
{{ join_code_then('renewed', 'coalesce(alias.school_code, finding.school_code)', 'receipt.period') }}
