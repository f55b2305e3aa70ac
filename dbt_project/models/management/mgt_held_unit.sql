-- What is held and what a steward let through; a release ends with the delivery that it let through.
with held as (
    select
        dataset,
        school_code,
        period,
        snapshot_date,
        submission_id,
        expectation,
        observed,
        'held' as state,
        held_since,
        cast(null as varchar) as released_by,
        cast(null as timestamp) as released_at,
        cast(null as varchar) as release_reason
    from {{ ref('col_held_unit') }}
    union all
    select
        release.dataset,
        release.school_code,
        release.period,
        release.snapshot_date,
        release.submission_id,
        release.expectation,
        release.observed,
        'released',
        release.held_since,
        release.author,
        release.recorded_at,
        release.reason
    from {{ ref('col_release') }} as release
    inner join {{ ref('col_delivery') }} as delivery
        on
            delivery.dataset = release.dataset
            and delivery.unit_owner = release.school_code
            and delivery.period = release.period
            and delivery.snapshot_date is not distinct from release.snapshot_date
            and delivery.submission_id = release.submission_id
            and delivery.is_current
    left join {{ ref('col_held_unit') }} as still
        on
            still.dataset = release.dataset
            and still.school_code = release.school_code
            and still.period = release.period
            and still.submission_id = release.submission_id
            and still.expectation = release.expectation
    where still.dataset is null
)

select
    held.dataset,
    held.school_code,
    held.period,
    held.snapshot_date,
    held.submission_id,
    held.expectation,
    held.observed,
    breaker.message_zh,
    held.state,
    held.held_since,
    held.released_by,
    held.released_at,
    held.release_reason
from held
left join {{ ref('breaker') }} as breaker on breaker.expectation = held.expectation
