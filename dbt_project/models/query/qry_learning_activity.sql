select
    submitter_org,
    period,
    code_module,
    code_presentation,
    learners,
    active_days,
    resources,
    clicks
from {{ ref('ana_learning_activity') }}
