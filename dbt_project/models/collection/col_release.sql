-- A release lets through the delivery that the steward saw; the first record of it stays.
with numbered as (
    select
        dataset,
        school_code,
        period,
        snapshot_date,
        submission_id,
        expectation,
        observed,
        held_since,
        author,
        reason,
        recorded_at,
        row_number() over (
            partition by dataset, school_code, period, snapshot_date, submission_id, expectation
            order by recorded_at, author, reason
        ) as first_no
    from {{ source('runs', 'release') }}
    where {{ is_recorded('recorded_at') }}
)

select
    dataset,
    school_code,
    period,
    snapshot_date,
    submission_id,
    expectation,
    observed,
    held_since,
    author,
    reason,
    recorded_at
from numbered
where first_no = 1
