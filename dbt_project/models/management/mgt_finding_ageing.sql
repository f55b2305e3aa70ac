-- A finding is open until a later full delivery of the same sender, dataset and period lacks it for the same school; a
-- partial delivery says nothing of the rows that it does not carry, nor any of schools that are not in it, and a
-- rejected one was not read. What was taken back, or waits for a decision, neither opens nor closes anything. Days run
-- to the newest receipt of the data, or to the day the build looks from: no clock.
with delivery as (
    select
        submission_id,
        dataset,
        submitter_org,
        period,
        received_at,
        coverage = 'full' and status <> 'rejected' as is_closing,
        row_number() over (
            partition by dataset, submitter_org, period order by received_at, submission_id
        ) as delivery_no
    from {{ ref('col_submission') }}
    where not is_repeat and not is_withdrawn
),

waiting as (
    {{ waiting_owners() }}
),

today as (
    select {{ as_of_date() }} as as_of_date
),

carried as (
    select
        owned.submission_id,
        owned.unit_owner
    from (
        select
            submission_id,
            unit_owner
        from {{ ref('col_unit') }}
        union
        select
            submission_id,
            submitter_org
        from delivery
    ) as owned
    left join waiting on waiting.submission_id = owned.submission_id and waiting.unit_owner = owned.unit_owner
    where waiting.submission_id is null
),

seen as (
    select
        delivery.dataset,
        delivery.submitter_org,
        finding.unit_owner,
        delivery.period,
        finding.reason_code,
        coalesce(finding.field, '') as field,
        finding.class_no,
        finding.severity,
        delivery.delivery_no,
        delivery.received_at,
        count(*) as findings
    from {{ ref('col_finding') }} as finding
    inner join delivery on delivery.submission_id = finding.submission_id
    left join waiting on waiting.submission_id = finding.submission_id and waiting.unit_owner = finding.unit_owner
    where finding.severity in ('reject', 'quarantine', 'incomplete', 'warn') and waiting.submission_id is null
    group by
        delivery.dataset, delivery.submitter_org, finding.unit_owner, delivery.period, finding.reason_code,
        coalesce(finding.field, ''), finding.class_no, finding.severity, delivery.delivery_no, delivery.received_at
),

problem as (
    select
        dataset,
        submitter_org,
        unit_owner,
        period,
        reason_code,
        field,
        class_no,
        severity,
        max(delivery_no) as last_no,
        max(received_at) as last_seen_at
    from seen
    group by dataset, submitter_org, unit_owner, period, reason_code, field, class_no, severity
),

absent as (
    select
        problem.dataset,
        problem.submitter_org,
        problem.unit_owner,
        problem.period,
        problem.reason_code,
        problem.field,
        problem.severity,
        max(delivery.delivery_no) filter (where delivery.delivery_no < problem.last_no) as before_no,
        min(delivery.received_at) filter (where delivery.delivery_no > problem.last_no) as closed_at
    from problem
    inner join delivery
        on
            delivery.dataset = problem.dataset
            and delivery.submitter_org = problem.submitter_org
            and delivery.period = problem.period
            and delivery.is_closing
    inner join carried
        on carried.submission_id = delivery.submission_id and carried.unit_owner = problem.unit_owner
    left join seen
        on
            seen.dataset = problem.dataset
            and seen.submitter_org = problem.submitter_org
            and seen.unit_owner = problem.unit_owner
            and seen.period = problem.period
            and seen.reason_code = problem.reason_code
            and seen.field = problem.field
            and seen.severity = problem.severity
            and seen.delivery_no = delivery.delivery_no
    where seen.delivery_no is null
    group by
        problem.dataset, problem.submitter_org, problem.unit_owner, problem.period, problem.reason_code, problem.field,
        problem.severity
),

begun as (
    select
        problem.dataset,
        problem.submitter_org,
        problem.unit_owner,
        problem.period,
        problem.reason_code,
        problem.field,
        problem.class_no,
        problem.severity,
        min(seen.received_at) as first_seen_at,
        problem.last_seen_at,
        sum(seen.findings) filter (where seen.delivery_no = problem.last_no) as findings,
        absent.closed_at
    from problem
    inner join seen
        on
            seen.dataset = problem.dataset
            and seen.submitter_org = problem.submitter_org
            and seen.unit_owner = problem.unit_owner
            and seen.period = problem.period
            and seen.reason_code = problem.reason_code
            and seen.field = problem.field
            and seen.severity = problem.severity
    left join absent
        on
            absent.dataset = problem.dataset
            and absent.submitter_org = problem.submitter_org
            and absent.unit_owner = problem.unit_owner
            and absent.period = problem.period
            and absent.reason_code = problem.reason_code
            and absent.field = problem.field
            and absent.severity = problem.severity
    where seen.delivery_no > coalesce(absent.before_no, 0)
    group by
        problem.dataset, problem.submitter_org, problem.unit_owner, problem.period, problem.reason_code, problem.field,
        problem.class_no, problem.severity, problem.last_seen_at, absent.closed_at
)

select
    begun.dataset,
    begun.submitter_org,
    begun.unit_owner,
    begun.period,
    begun.reason_code,
    begun.field,
    begun.class_no,
    begun.severity,
    cast(begun.findings as bigint) as findings,
    begun.first_seen_at,
    begun.last_seen_at,
    begun.closed_at,
    begun.closed_at is null as is_open,
    cast(
        {{ days_between('begun.first_seen_at', 'coalesce(cast(begun.closed_at as date), today.as_of_date)') }}
        as integer
    ) as age_days
from begun
cross join today
