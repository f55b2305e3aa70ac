select
    source,
    submitter_org,
    period,
    course_id,
    learners,
    active_days,
    learner_days,
    days_per_learner,
    enrolments,
    completions,
    completion_rate,
    events,
    data_status
from {{ ref('ana_online_learning') }}
