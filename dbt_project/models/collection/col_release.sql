-- A release lets through the delivery that the steward saw; the first record of it stays. One of another code of the
-- school is of the same unit.
with recorded as (
    select
        release.dataset,
        coalesce(renewed.code_then, release.school_code) as school_code,
        release.period,
        release.snapshot_date,
        release.submission_id,
        release.expectation,
        release.observed,
        release.held_since,
        release.author,
        release.reason,
        release.recorded_at
    from {{ source('runs', 'release') }} as release
    {{ join_code_then('renewed', 'release.school_code', 'release.period') }}
    where {{ is_recorded('release.recorded_at') }}
),

numbered as (
    select
        recorded.*,
        row_number() over (
            partition by dataset, school_code, period, snapshot_date, submission_id, expectation
            order by recorded_at, author, reason
        ) as first_no
    from recorded
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
