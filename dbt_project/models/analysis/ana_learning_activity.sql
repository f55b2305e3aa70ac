select
    submitter_org,
    period,
    code_module,
    code_presentation,
    count(distinct person_id) as learners,
    count(distinct day_no) as active_days,
    count(distinct site_id) as resources,
    cast(sum(clicks) as bigint) as clicks,
    {{ unconfirmed_status() }} as data_status
from {{ ref('fct_learning_activity_daily') }}
group by submitter_org, period, code_module, code_presentation
