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

-- Each finding is counted once: at the school whose rows it is of, or at the sender where that school has no score.
found as (
    select
        ageing.dataset,
        coalesce(owner.org, ageing.submitter_org) as org,
        ageing.period,
        sum(ageing.findings) as findings,
        sum(ageing.findings) filter (where ageing.is_open) as open_findings
    from {{ ref('mgt_finding_ageing') }} as ageing
    left join {{ ref('mgt_scorecard') }} as owner
        on owner.org = ageing.unit_owner and owner.dataset = ageing.dataset and owner.period = ageing.period
    group by ageing.dataset, coalesce(owner.org, ageing.submitter_org), ageing.period
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
    on found.dataset = card.dataset and found.org = card.org and found.period = card.period
