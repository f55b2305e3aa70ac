-- One row a statement, whoever sent it and how often: its id is the same everywhere. What one of its senders has voided
-- does not count; the voiding statement stays and cannot be voided itself. A statement is never changed: sent
-- again with other content it stays what was received first (xAPI 1.0.3, part two, 2.2; part three, 2.1.1).
with event as (
    {{ current_rows('learning_event', [
        'submitter_org', 'period', 'statement_id', 'actor_key', 'verb_id', 'object_id', 'object_type', 'course_id',
        'occurred_at', 'score_scaled', 'is_success', 'is_completed', 'duration_s', 'voided_statement_id'
    ], owner='submitter_org', keeps='first') }}
),

voided as (
    select distinct event.statement_id -- a statement may be voided twice
    from event
    inner join event as voiding
        on voiding.voided_statement_id = event.statement_id and voiding.submitter_org = event.submitter_org
    where event.voided_statement_id is null
),

numbered as (
    select
        event.*,
        row_number() over (partition by event.statement_id order by event.period, event.submitter_org) as copy_no
    from event
    where event.statement_id not in (select voided.statement_id from voided)
)

select
    statement_id,
    submitter_org,
    period,
    'xapi@homePage:' || actor_key as person_id,
    verb_id,
    object_id,
    object_type,
    course_id,
    occurred_at,
    score_scaled,
    is_success,
    is_completed,
    duration_s,
    voided_statement_id
from numbered
where copy_no = 1
