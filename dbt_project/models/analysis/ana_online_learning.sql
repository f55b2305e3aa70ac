-- Learners of a platform are its accounts: they are not joined with the roll. Clicks tell no completion.
with activity as (
    select
        'xapi' as source,
        submitter_org,
        period,
        coalesce(course_id, 'none') as course_id,
        person_id,
        cast(cast(occurred_at as date) as varchar) as active_day,
        coalesce(is_completed, false) as is_completed,
        1 as events
    from {{ ref('fct_learning_event') }}
    where voided_statement_id is null
    union all
    select
        'clicks' as source,
        submitter_org,
        period,
        code_module || '/' || code_presentation as course_id,
        person_id,
        cast(day_no as varchar) as active_day,
        false as is_completed,
        clicks as events
    from {{ ref('fct_learning_activity_daily') }}
),

spread as (
    select
        *,
        course_id as shown_course
    from activity
    union all
    select
        *,
        'all' as shown_course
    from activity
),

attempt as (
    select
        source,
        submitter_org,
        period,
        shown_course,
        person_id,
        course_id,
        bool_or(is_completed) as is_completed,
        sum(events) as events
    from spread
    group by source, submitter_org, period, shown_course, person_id, course_id
),

attempted as (
    select
        source,
        submitter_org,
        period,
        shown_course,
        count(distinct person_id) as learners,
        count(*) as enrolments,
        case when source = 'xapi' then count(*) filter (where is_completed) end as completions,
        cast(sum(events) as bigint) as events
    from attempt
    group by source, submitter_org, period, shown_course
),

active as (
    select
        source,
        submitter_org,
        period,
        shown_course,
        count(distinct active_day) as active_days,
        count(distinct person_id || ' ' || active_day) as learner_days
    from spread
    group by source, submitter_org, period, shown_course
)

select
    attempted.source,
    attempted.submitter_org,
    attempted.period,
    attempted.shown_course as course_id,
    attempted.learners,
    active.active_days,
    active.learner_days,
    cast(
        round(cast(active.learner_days as decimal(28, 10)) / attempted.learners, 4) as decimal(18, 4)
    ) as days_per_learner,
    attempted.enrolments,
    attempted.completions,
    cast(
        round(cast(100 * attempted.completions as decimal(28, 10)) / attempted.enrolments, 4) as decimal(9, 4)
    ) as completion_rate,
    attempted.events,
    coalesce(status.data_status, {{ unconfirmed_status() }}) as data_status
from attempted
inner join active
    on
        active.source = attempted.source
        and active.submitter_org = attempted.submitter_org
        and active.period = attempted.period
        and active.shown_course = attempted.shown_course
left join {{ ref('unit_status') }} as status
    on
        status.dataset = case attempted.source when 'xapi' then 'learning_event' else 'learning_activity_daily' end
        and status.unit_owner = attempted.submitter_org
        and status.period = attempted.period
