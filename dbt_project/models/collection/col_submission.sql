with receipt as (
    {{ newest_landing() }}
),

-- What a city's approval saw, or a decision (更正单) made count, is locked: taking it back waits for a decision.
locked as (
    select
        seen.submission_id,
        approval.recorded_at as locked_at
    from {{ ref('col_approval_seen') }} as seen
    inner join {{ ref('col_approval') }} as approval on approval.approval_id = seen.approval_id
    where approval.org_level = 'city'
    union all
    select
        submission_id,
        recorded_at
    from {{ ref('col_correction') }}
    where decision = 'approved'
),

withdrawn as (
    select withdrawal.submission_id
    from {{ ref('col_withdrawal') }} as withdrawal
    where
        not exists (
            select 1
            from locked
            where locked.submission_id = withdrawal.submission_id and locked.locked_at <= withdrawal.recorded_at
        )
        or exists (
            select 1
            from {{ ref('col_correction') }} as correction
            where
                correction.submission_id = withdrawal.submission_id
                and correction.decision = 'approved'
                and correction.recorded_at > withdrawal.recorded_at
        )
),

-- What a decision (更正单) did not let count may be sent again and is decided again; it waits no more itself, so it has no
-- other decision.
declined as (
    select distinct -- two stewards may decide at once
        dataset,
        unit_owner,
        period,
        submission_id
    from {{ ref('col_correction') }}
    where decision = 'rejected'
),

-- The same bytes again are a repeat only while they are what each of their units already holds.
unit_sequence as (
    select
        unit.submission_id,
        receipt.sha256 || receipt.coverage || receipt.submitter_org
        = lag(receipt.sha256 || receipt.coverage || receipt.submitter_org) over (
            partition by unit.dataset, unit.unit_owner, unit.period, unit.snapshot_date
            order by receipt.received_at, receipt.submission_id
        ) as is_same_as_before
    from {{ ref('col_unit') }} as unit
    inner join receipt on receipt.submission_id = unit.submission_id and receipt.status <> 'rejected'
    left join withdrawn on withdrawn.submission_id = unit.submission_id
    left join declined
        on
            declined.submission_id = unit.submission_id
            and declined.dataset = unit.dataset
            and declined.unit_owner = unit.unit_owner
            and declined.period = unit.period
    where withdrawn.submission_id is null and declined.submission_id is null
),

repeated as (
    select
        submission_id,
        min(case when is_same_as_before then 1 else 0 end) = 1 as is_repeat
    from unit_sequence
    group by submission_id
),

held_unit as (
    select distinct -- a unit may be held for several reasons
        dataset,
        school_code,
        period
    from {{ ref('col_held_unit') }}
),

held as (
    select
        unit.submission_id,
        min(case when held_unit.dataset is null then 0 else 1 end) = 1 as is_held
    from {{ ref('col_unit') }} as unit
    left join held_unit
        on
            held_unit.dataset = unit.dataset
            and held_unit.school_code = unit.unit_owner
            and held_unit.period = unit.period
    group by unit.submission_id
)

select
    receipt.submission_id,
    receipt.dataset,
    receipt.profile,
    receipt.submitter_org,
    receipt.period,
    receipt.snapshot_date,
    receipt.received_at,
    case when held.is_held and receipt.status <> 'rejected' then 'held' else receipt.status end as status,
    receipt.coverage,
    receipt.rows_read,
    receipt.rows_accepted,
    receipt.rows_incomplete,
    receipt.rows_quarantined,
    coalesce(receipt.rows_dropped, 0) as rows_dropped,
    receipt.reason_code,
    receipt.source_ref,
    receipt.sha256,
    receipt.contract_digest,
    receipt.code_version,
    receipt.key_fingerprint,
    receipt.encoding,
    coalesce(repeated.is_repeat, false) as is_repeat,
    withdrawn.submission_id is not null as is_withdrawn,
    receipt.batch_id,
    receipt.recorded_at
from receipt
left join repeated on repeated.submission_id = receipt.submission_id
left join held on held.submission_id = receipt.submission_id
left join withdrawn on withdrawn.submission_id = receipt.submission_id
