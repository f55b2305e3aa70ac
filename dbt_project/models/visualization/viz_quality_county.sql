select
    dataset,
    dataset_name,
    period,
    submitter_org as division_code,
    org_name as division_name,
    completeness,
    correctness,
    consistency,
    timeliness,
    failed_checks
from {{ ref('qry_quality') }}
where org_level in ('county', 'city')
