with receipt as (
    {{ newest_landing() }}
)

select
    unit.submission_id,
    unit.batch_id,
    unit.dataset,
    unit.school_code,
    coalesce(renewed.code_then, alias.school_code, unit.school_code, receipt.submitter_org) as unit_owner,
    coalesce(unit.school_code, receipt.submitter_org) as source_owner,
    unit.period,
    unit.snapshot_date,
    unit.coverage,
    unit.rows_read,
    unit.rows_accepted,
    unit.rows_quarantined
from {{ source('runs', 'unit') }} as unit
inner join receipt
    on receipt.submission_id = unit.submission_id and receipt.batch_id = unit.batch_id
-- A system names organisations in its own way; a seed row says which school of the registry is meant.
left join {{ ref('organisation_alias') }} as alias on alias.source_org = unit.school_code
{{ join_code_then('renewed', 'coalesce(alias.school_code, unit.school_code)', 'unit.period') }}
