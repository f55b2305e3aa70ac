-- Effective order is (received_at, submission_id), whatever order files were processed in. Where the seed
-- submission_authority names whose delivery decides, the others do not count beside it. Of a period of a dataset and
-- its owner one date counts, so that nobody is counted twice in a term: dates with a full delivery come before those
-- with parts alone, among them the calendar's first, else the newest. At that date a full delivery supersedes what was
-- before it; partial deliveries and deltas after it merge on top, newest first. What came after a lock and waits for a
-- decision is not among them.
with live as (
    select
        unit.dataset,
        unit.unit_owner,
        unit.source_owner,
        unit.period,
        unit.snapshot_date,
        unit.submission_id,
        unit.batch_id,
        receipt.submitter_org,
        unit.coverage,
        receipt.received_at,
        unit.rows_read,
        unit.rows_accepted,
        unit.rows_quarantined,
        authority.submitter_kind as authority_kind,
        coalesce(cast(calendar.snapshot_date as date) = unit.snapshot_date, false) as is_on_calendar,
        case
            when receipt.submitter_org in (unit.unit_owner, unit.source_owner) then 'school'
            when length(receipt.submitter_org) = 6 then 'bureau'
            else 'system'
        end as submitter_kind
    from {{ ref('col_unit') }} as unit
    inner join {{ ref('col_submission') }} as receipt
        on receipt.submission_id = unit.submission_id and receipt.batch_id = unit.batch_id
    left join {{ ref('submission_authority') }} as authority
        on
            authority.dataset = unit.dataset
            and authority.valid_from_year <= {{ period_year('unit.period') }}
            and coalesce(authority.valid_to_year, 9999) >= {{ period_year('unit.period') }}
    left join {{ ref('submission_calendar') }} as calendar
        on calendar.dataset = unit.dataset and calendar.period = unit.period
    left join {{ ref('col_waiting') }} as waiting
        on
            waiting.submission_id = unit.submission_id
            and waiting.dataset = unit.dataset
            and waiting.unit_owner = unit.unit_owner
            and waiting.period = unit.period
            and waiting.snapshot_date is not distinct from unit.snapshot_date
    where
        receipt.status <> 'rejected'
        and not receipt.is_repeat
        and not receipt.is_withdrawn
        and waiting.submission_id is null
),

decided as (
    select
        live.*,
        coalesce(
            max(case when submitter_kind = authority_kind then 1 else 0 end) over (
                partition by dataset, unit_owner, period
            ) = 0
            or submitter_kind = authority_kind,
            true
        ) as is_counting
    from live
),

dated as (
    select
        dataset,
        unit_owner,
        period,
        snapshot_date,
        max(case when coverage = 'full' then 1 else 0 end) as has_full,
        max(case when is_on_calendar then 1 else 0 end) as has_calendar
    from decided
    where is_counting
    group by dataset, unit_owner, period, snapshot_date
),

preferred as (
    select
        dated.*,
        row_number() over (
            partition by dataset, unit_owner, period
            order by has_full desc, has_calendar desc, snapshot_date desc nulls last
        ) as date_no
    from dated
),

ranked as (
    select
        decided.*,
        coalesce(preferred.date_no = 1, false) as is_of_date,
        dense_rank() over (
            partition by
                decided.dataset, decided.unit_owner, decided.period, decided.snapshot_date, decided.is_counting
            order by decided.received_at desc, decided.submission_id desc
        ) as delivery_rank
    from decided
    left join preferred
        on
            preferred.dataset = decided.dataset
            and preferred.unit_owner = decided.unit_owner
            and preferred.period = decided.period
            and preferred.snapshot_date is not distinct from decided.snapshot_date
),

newest_full as (
    select
        dataset,
        unit_owner,
        period,
        snapshot_date,
        min(delivery_rank) as full_rank
    from ranked
    where coverage = 'full' and is_counting
    group by dataset, unit_owner, period, snapshot_date
),

newest as (
    select distinct -- a system that has two names for one school delivers one unit twice
        dataset,
        unit_owner,
        period,
        submission_id
    from ranked
    where is_counting and is_of_date and delivery_rank = 1
),

-- What a delivery of the date that counts was superseded by is the next full one after it.
next_full as (
    select
        earlier.dataset,
        earlier.unit_owner,
        earlier.period,
        earlier.snapshot_date,
        earlier.submission_id,
        max(later.delivery_rank) as next_rank
    from ranked as earlier
    inner join ranked as later
        on
            later.dataset = earlier.dataset
            and later.unit_owner = earlier.unit_owner
            and later.period = earlier.period
            and later.snapshot_date is not distinct from earlier.snapshot_date
            and later.coverage = 'full'
            and later.is_counting
            and later.delivery_rank < earlier.delivery_rank
    where earlier.is_counting
    group by earlier.dataset, earlier.unit_owner, earlier.period, earlier.snapshot_date, earlier.submission_id
),

superseding as (
    select distinct -- the same
        next_full.dataset,
        next_full.unit_owner,
        next_full.period,
        next_full.snapshot_date,
        next_full.submission_id,
        later.submission_id as superseded_by
    from next_full
    inner join ranked as later
        on
            later.dataset = next_full.dataset
            and later.unit_owner = next_full.unit_owner
            and later.period = next_full.period
            and later.snapshot_date is not distinct from next_full.snapshot_date
            and later.is_counting
            and later.delivery_rank = next_full.next_rank
)

select
    ranked.dataset,
    ranked.unit_owner,
    ranked.source_owner,
    ranked.period,
    ranked.snapshot_date,
    ranked.submission_id,
    ranked.batch_id,
    ranked.submitter_org,
    ranked.submitter_kind,
    ranked.coverage,
    ranked.received_at,
    ranked.rows_read,
    ranked.rows_accepted,
    ranked.rows_quarantined,
    ranked.is_counting,
    cast(ranked.delivery_rank as integer) as delivery_rank,
    ranked.is_counting
    and ranked.is_of_date
    and (newest_full.full_rank is null or ranked.delivery_rank <= newest_full.full_rank) as is_current,
    case
        when ranked.is_counting and ranked.is_of_date then superseding.superseded_by
        else newest.submission_id
    end as superseded_by
from ranked
left join newest_full
    on
        newest_full.dataset = ranked.dataset
        and newest_full.unit_owner = ranked.unit_owner
        and newest_full.period = ranked.period
        and newest_full.snapshot_date is not distinct from ranked.snapshot_date
left join newest
    on
        newest.dataset = ranked.dataset
        and newest.unit_owner = ranked.unit_owner
        and newest.period = ranked.period
left join superseding
    on
        superseding.dataset = ranked.dataset
        and superseding.unit_owner = ranked.unit_owner
        and superseding.period = ranked.period
        and superseding.snapshot_date is not distinct from ranked.snapshot_date
        and superseding.submission_id = ranked.submission_id
