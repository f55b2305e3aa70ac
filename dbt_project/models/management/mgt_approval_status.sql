-- What each organisation has to approve, what it approved, and whether that still stands.
with city as (
    select min(division_code) as division_code
    from {{ ref('dim_division') }}
    where division_level = 'city' and is_current
),

expected as (
    select
        place.org,
        place.org_level,
        place.dataset,
        place.period,
        count(*) as expected,
        count(*) filter (where place.status = 'missing') as missing
    from (
        select
            school_code as org,
            'school' as org_level,
            dataset,
            period,
            status
        from {{ ref('mgt_expected_submission') }}
        union all
        select
            unit.managing_org,
            'county',
            unit.dataset,
            unit.period,
            unit.status
        from {{ ref('mgt_expected_submission') }} as unit
        cross join city
        where unit.managing_org <> city.division_code
        union all
        select
            city.division_code,
            'city',
            unit.dataset,
            unit.period,
            unit.status
        from {{ ref('mgt_expected_submission') }} as unit
        cross join city
    ) as place
    group by place.org, place.org_level, place.dataset, place.period
)

select
    coalesce(approval.org, expected.org) as org,
    coalesce(approval.org_level, expected.org_level) as org_level,
    coalesce(approval.dataset, expected.dataset) as dataset,
    coalesce(approval.period, expected.period) as period,
    coalesce(expected.expected, 0) as expected,
    coalesce(expected.missing, 0) as missing,
    coalesce(approval.units, 0) as units,
    approval.content_digest,
    coalesce(approval.approval_state, 'none') as approval_state,
    approval.approved_at
from {{ ref('unit_approval') }} as approval
full outer join expected
    on
        expected.org = approval.org
        and expected.org_level = approval.org_level
        and expected.dataset = approval.dataset
        and expected.period = approval.period
