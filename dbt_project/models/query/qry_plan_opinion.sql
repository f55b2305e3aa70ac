select
    opinion_id,
    plan_code,
    evaluation,
    office,
    indicator_code,
    opinion_state,
    raised_at,
    answered_at
from {{ ref('mgt_plan_opinion') }}
