-- An approval binds what it saw to count: the deliveries, of one that was landed again the landing, and whether the
-- unit is held. When any of it changes, the approval is stale, and its parent's is too. The city's locks, so it does
-- not go stale: what comes later waits (unit_waiting).
with landing as (
    select
        submission_id,
        batch_id,
        row_number() over (partition by submission_id order by recorded_at, batch_id) as landing_no
    from {{ ref('col_landing') }}
),

delivery as (
    select
        org.dataset,
        org.period,
        org.unit_owner,
        org.county_org,
        org.city_org,
        unit.submission_id,
        unit.snapshot_date,
        unit.delivery_rank,
        org.unit_owner || ':' || unit.submission_id
        || case when landing.landing_no > 1 then ':' || unit.batch_id else '' end
        || case when unit.is_held then ':held' else '' end as content
    from {{ ref('unit_org') }} as org
    inner join {{ ref('unit_current') }} as unit
        on unit.dataset = org.dataset and unit.unit_owner = org.unit_owner and unit.period = org.period
    left join landing on landing.submission_id = unit.submission_id and landing.batch_id = unit.batch_id
),

place as (
    select
        delivery.*,
        unit_owner as org,
        'school' as org_level
    from delivery
    union all
    select
        delivery.*,
        county_org as org,
        'county' as org_level
    from delivery
    where county_org is not null
    union all
    select
        delivery.*,
        city_org as org,
        'city' as org_level
    from delivery
),

content as (
    select
        org,
        org_level,
        dataset,
        period,
        count(distinct unit_owner) as units,
        {{ text_hash(ordered_text(
            'content',
            'unit_owner, snapshot_date, delivery_rank desc, submission_id'
        )) }} as content_digest
    from place
    group by org, org_level, dataset, period
),

latest as (
    select
        approval.*,
        row_number() over (
            partition by org, dataset, period order by recorded_at desc, approval_id desc
        ) as newest_no
    from {{ ref('col_approval') }} as approval
)

select
    content.org,
    content.org_level,
    content.dataset,
    content.period,
    content.units,
    content.content_digest,
    latest.approval_id,
    latest.recorded_at as approved_at,
    case
        when latest.approval_id is null then 'none'
        when content.org_level = 'city' then 'locked'
        when latest.content_digest = content.content_digest then 'valid'
        else 'stale'
    end as approval_state
from content
left join latest
    on
        latest.org = content.org
        and latest.dataset = content.dataset
        and latest.period = content.period
        and latest.newest_no = 1
