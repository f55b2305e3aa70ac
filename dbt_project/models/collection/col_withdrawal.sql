-- A submission is taken back once; the first record of it stays.
with numbered as (
    select
        submission_id,
        author,
        reason,
        recorded_at,
        row_number() over (partition by submission_id order by recorded_at, author, reason) as first_no
    from {{ source('runs', 'withdrawal') }}
    where {{ is_recorded('recorded_at') }}
)

select
    submission_id,
    author,
    reason,
    recorded_at
from numbered
where first_no = 1
