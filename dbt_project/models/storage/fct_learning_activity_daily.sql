-- Clicks are additive: rows with equal keys add up, none is a duplicate.
select
    activity.submitter_org,
    activity.period,
    activity.code_module,
    activity.code_presentation,
    'learner@system:' || activity.learner_key as person_id,
    activity.site_id,
    activity.day_no,
    cast(sum(activity.clicks) as bigint) as clicks
from {{ ref('col_learning_activity_daily') }} as activity
inner join {{ ref('unit_current') }} as unit
    on
        unit.submission_id = activity.submission_id
        and unit.batch_id = activity.batch_id
        and unit.dataset = 'learning_activity_daily'
        and unit.period = activity.period
where not unit.is_held and not coalesce(activity.is_deleted, false)
group by
    activity.submitter_org, activity.period, activity.code_module, activity.code_presentation, activity.learner_key,
    activity.site_id, activity.day_no
