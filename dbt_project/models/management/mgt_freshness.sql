-- How old what we have of each dataset is: to the newest receipt of all data, or to the day the build looks from.
select
    submission.dataset,
    count(*) as submissions,
    max(submission.period) as newest_period,
    max(submission.snapshot_date) as newest_snapshot_date,
    max(submission.received_at) as last_received_at,
    max(submission.recorded_at) as last_recorded_at,
    cast({{ days_between('max(submission.received_at)', as_of_date()) }} as integer) as age_days
from {{ ref('col_submission') }} as submission
where submission.status <> 'rejected'
group by submission.dataset
