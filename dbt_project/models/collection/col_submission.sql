with receipt as (
    select *
    from {{ source('runs', 'submission') }}
    where {{ is_recorded('recorded_at') }}
),

-- The same bytes again are a repeat only while they are what each of their units already holds.
unit_sequence as (
    select
        unit.submission_id,
        receipt.sha256 = lag(receipt.sha256) over (
            partition by unit.dataset, unit.unit_owner, unit.period, unit.snapshot_date
            order by receipt.received_at, receipt.submission_id
        ) as is_same_as_before
    from {{ ref('col_unit') }} as unit
    inner join receipt on receipt.submission_id = unit.submission_id and receipt.status <> 'rejected'
),

repeated as (
    select
        submission_id,
        min(case when is_same_as_before then 1 else 0 end) = 1 as is_repeat
    from unit_sequence
    group by submission_id
),

held_unit as (
    select distinct
        dataset,
        school_code,
        period
    from {{ ref('col_gate_result') }}
    where gate = 'collection' and scope = 'unit' and not is_success
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
    receipt.reason_code,
    receipt.source_ref,
    receipt.sha256,
    receipt.contract_digest,
    receipt.code_version,
    receipt.key_fingerprint,
    receipt.encoding,
    coalesce(repeated.is_repeat, false) as is_repeat,
    receipt.batch_id,
    receipt.recorded_at
from receipt
left join repeated on repeated.submission_id = receipt.submission_id
left join held on held.submission_id = receipt.submission_id
