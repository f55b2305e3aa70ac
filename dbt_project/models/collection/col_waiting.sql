-- After the city's approval a delivery that it did not see waits for a decision (更正单); the locked content stays.
with locked as (
    select
        dataset,
        period,
        approval_id,
        row_number() over (partition by dataset, period order by recorded_at, approval_id) as lock_no
    from {{ ref('col_approval') }}
    where org_level = 'city'
),

decided as (
    select
        dataset,
        unit_owner,
        period,
        submission_id,
        decision,
        row_number() over (
            partition by dataset, unit_owner, period, submission_id
            order by recorded_at desc, correction_id desc
        ) as newest_no
    from {{ ref('col_correction') }}
)

-- A system that has two names for one school delivers one unit twice: it waits once.
select distinct
    unit.dataset,
    unit.unit_owner,
    unit.period,
    unit.snapshot_date,
    unit.submission_id,
    unit.coverage,
    submission.received_at,
    locked.approval_id,
    coalesce(decided.decision, 'waiting') as correction_status
from {{ ref('col_unit') }} as unit
inner join {{ ref('col_submission') }} as submission on submission.submission_id = unit.submission_id
inner join locked on locked.dataset = unit.dataset and locked.period = unit.period and locked.lock_no = 1
left join {{ ref('col_approval_seen') }} as seen
    on
        seen.approval_id = locked.approval_id
        and seen.submission_id = unit.submission_id
        and seen.unit_owner = unit.unit_owner
        and seen.snapshot_date is not distinct from unit.snapshot_date
left join decided
    on
        decided.dataset = unit.dataset
        and decided.unit_owner = unit.unit_owner
        and decided.period = unit.period
        and decided.submission_id = unit.submission_id
        and decided.newest_no = 1
where
    seen.submission_id is null
    and submission.status <> 'rejected'
    and not submission.is_repeat
    and not submission.is_withdrawn
    and coalesce(decided.decision, 'waiting') <> 'approved'
