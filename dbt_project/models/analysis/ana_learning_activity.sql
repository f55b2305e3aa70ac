with counted as (
    select
        submitter_org,
        period,
        code_module,
        code_presentation,
        count(distinct person_id) as learners,
        count(distinct day_no) as active_days,
        count(distinct site_id) as resources,
        cast(sum(clicks) as bigint) as clicks
    from {{ ref('fct_learning_activity_daily') }}
    group by submitter_org, period, code_module, code_presentation
)

select
    counted.submitter_org,
    counted.period,
    counted.code_module,
    counted.code_presentation,
    counted.learners,
    counted.active_days,
    counted.resources,
    counted.clicks,
    coalesce(status.data_status, {{ unconfirmed_status() }}) as data_status
from counted
left join {{ ref('unit_status') }} as status
    on
        status.dataset = 'learning_activity_daily'
        and status.unit_owner = counted.submitter_org
        and status.period = counted.period
