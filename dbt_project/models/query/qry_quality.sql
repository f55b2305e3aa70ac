with named as (
    select
        school_code as org,
        max_by(school_name, period) as org_name -- one row a code and period
    from {{ ref('dim_school') }}
    group by school_code
    union all
    select
        division_code as org,
        division_name as org_name
    from {{ ref('dim_division') }}
    where is_current
),

found as (
    select
        dataset,
        submitter_org,
        period,
        sum(findings) as findings,
        sum(findings) filter (where is_open) as open_findings
    from {{ ref('mgt_finding_ageing') }}
    group by dataset, submitter_org, period
)

select
    card.dataset,
    label.dataset_name,
    card.period,
    card.org as submitter_org,
    named.org_name,
    card.org_level,
    card.completeness,
    card.correctness,
    card.consistency,
    card.timeliness,
    card.failed as failed_checks,
    cast(coalesce(found.findings, 0) as bigint) as findings,
    cast(coalesce(found.open_findings, 0) as bigint) as open_findings
from {{ ref('mgt_scorecard') }} as card
inner join {{ ref('dim_dataset') }} as label on label.dataset = card.dataset
left join named on named.org = card.org
left join found
    on found.dataset = card.dataset and found.submitter_org = card.org and found.period = card.period
