-- Where the rows of every submission are: read, quarantined, accepted; and of the accepted ones those that count, are
-- held, wait after a lock, were withdrawn or superseded, or stand in a repeated file. The parts add up to what was
-- accepted.
with state as (
    select
        unit.submission_id,
        unit.dataset,
        unit.period,
        case
            when submission.is_withdrawn then 'withdrawn'
            when submission.is_repeat then 'repeated'
            when waiting.submission_id is not null then 'waiting'
            when current_unit.submission_id is null then 'superseded'
            when current_unit.is_held then 'held'
            else 'counting'
        end as row_state,
        unit.rows_accepted
    from {{ ref('col_unit') }} as unit
    inner join {{ ref('col_submission') }} as submission on submission.submission_id = unit.submission_id
    left join {{ ref('unit_waiting') }} as waiting
        on
            waiting.submission_id = unit.submission_id
            and waiting.dataset = unit.dataset
            and waiting.unit_owner = unit.unit_owner
            and waiting.period = unit.period
            and waiting.snapshot_date is not distinct from unit.snapshot_date
    left join {{ ref('unit_current') }} as current_unit
        on
            current_unit.submission_id = unit.submission_id
            and current_unit.dataset = unit.dataset
            and current_unit.unit_owner = unit.unit_owner
            and current_unit.source_owner = unit.source_owner
            and current_unit.period = unit.period
            and current_unit.snapshot_date is not distinct from unit.snapshot_date
),

split as (
    select
        submission_id,
        sum(rows_accepted) filter (where row_state = 'counting') as rows_counting,
        sum(rows_accepted) filter (where row_state = 'held') as rows_held,
        sum(rows_accepted) filter (where row_state = 'waiting') as rows_waiting,
        sum(rows_accepted) filter (where row_state = 'withdrawn') as rows_withdrawn,
        sum(rows_accepted) filter (where row_state = 'superseded') as rows_superseded,
        sum(rows_accepted) filter (where row_state = 'repeated') as rows_repeated
    from state
    group by submission_id
)

select
    submission.submission_id,
    submission.batch_id,
    submission.dataset,
    submission.period,
    submission.rows_read,
    submission.rows_quarantined,
    submission.rows_accepted,
    cast(coalesce(split.rows_counting, 0) as bigint) as rows_counting,
    cast(coalesce(split.rows_held, 0) as bigint) as rows_held,
    cast(coalesce(split.rows_waiting, 0) as bigint) as rows_waiting,
    cast(coalesce(split.rows_withdrawn, 0) as bigint) as rows_withdrawn,
    cast(coalesce(split.rows_superseded, 0) as bigint) as rows_superseded,
    cast(coalesce(split.rows_repeated, 0) as bigint) as rows_repeated
from {{ ref('col_submission') }} as submission
left join split on split.submission_id = submission.submission_id
