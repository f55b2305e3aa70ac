-- Each gate's latest run speaks; earlier runs stay in the run records. A month's records are merged into one file
-- before their parts go, so a record may stand in two files.
with latest as (
    select
        gate,
        run_id,
        row_number() over (partition by gate order by max(recorded_at) desc, run_id desc) as newest_no
    from {{ source('runs', 'gate_result') }}
    group by gate, run_id
)

select distinct
    result.gate,
    result.suite,
    result.table_name,
    result.scope,
    result.severity,
    result.expectation,
    result.dataset,
    result.school_code,
    result.period,
    result.snapshot_date,
    result.submission_id,
    result.is_success,
    result.observed,
    result.notes,
    result.run_id,
    result.recorded_at
from {{ source('runs', 'gate_result') }} as result
inner join latest on latest.gate = result.gate and latest.run_id = result.run_id and latest.newest_no = 1
