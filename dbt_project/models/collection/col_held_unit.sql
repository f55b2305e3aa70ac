-- Units that the latest collection gate holds, and since when the same delivery has failed the same expectation.
with since as (
    select
        dataset,
        school_code,
        period,
        submission_id,
        expectation,
        min(recorded_at) as held_since
    from {{ source('runs', 'gate_result') }}
    where gate = 'collection' and scope = 'unit' and not is_success
    group by dataset, school_code, period, submission_id, expectation
)

select
    result.dataset,
    result.school_code,
    result.period,
    result.snapshot_date,
    result.submission_id,
    result.expectation,
    result.observed,
    result.notes,
    since.held_since
from {{ ref('col_gate_result') }} as result
inner join since
    on
        since.dataset = result.dataset
        and since.school_code = result.school_code
        and since.period = result.period
        and since.submission_id is not distinct from result.submission_id
        and since.expectation = result.expectation
-- Results of before deliveries were judged one by one name none; the next gate writes them anew.
where
    result.gate = 'collection'
    and result.scope = 'unit'
    and not result.is_success
    and result.submission_id is not null
