select
    period,
    dataset,
    cast(snapshot_date as date) as snapshot_date,
    cast(due_at_school as date) as due_at_school,
    cast(due_at_county as date) as due_at_county,
    cast(due_at_city as date) as due_at_city,
    cast(coverage_floor_pct as integer) as coverage_floor_pct
from {{ ref('submission_calendar') }}
