with numbered as (
    select
        *,
        min(recorded_at) over (partition by opinion_id) as raised_at,
        row_number() over (partition by opinion_id order by recorded_at desc, record_id desc) as newest_no
    from {{ ref('col_plan_opinion') }}
)

select
    opinion_id,
    plan_code,
    evaluation,
    office,
    indicator_code,
    opinion_state,
    raised_at,
    case when opinion_state <> 'open' then recorded_at end as answered_at
from numbered
where newest_no = 1
