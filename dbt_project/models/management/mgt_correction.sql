-- Every change after a lock: waiting, or decided with the figures before and after.
with decided as (
    select
        correction.*,
        row_number() over (
            partition by dataset, unit_owner, period, submission_id
            order by recorded_at desc, correction_id desc
        ) as newest_no
    from {{ ref('col_correction') }} as correction
)

select
    waiting.dataset,
    waiting.unit_owner,
    waiting.period,
    waiting.submission_id,
    'waiting' as correction_status,
    cast(null as varchar) as figures_before,
    cast(null as varchar) as figures_after,
    cast(null as varchar) as reason,
    cast(null as timestamp) as decided_at
from {{ ref('unit_waiting') }} as waiting
where waiting.correction_status = 'waiting'
union all
select
    dataset,
    unit_owner,
    period,
    submission_id,
    decision,
    figures_before,
    figures_after,
    reason,
    recorded_at
from decided
where newest_no = 1
