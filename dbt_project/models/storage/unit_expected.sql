-- Every registered school owes every dataset of its kind: what did not come is missing, never zero. It is due once the
-- day on which the calendar closes it at the city has come; what the calendar does not ask for is never due.
with as_of as (
    select {{ as_of_date() }} as as_of_day
),

due as (
    select
        scope.dataset,
        school.school_id,
        school.school_code,
        school.division_code,
        school.school_year,
        school.term,
        case kind.period_kind
            when 'term' then school.period
            when 'school_year' then school.school_year
            when 'fiscal_year' then 'FY' || substr(school.school_year, 1, 4)
        end as period
    from {{ ref('dim_school') }} as school
    inner join {{ ref('dataset_scope') }} as scope on scope.school_kind_code = school.school_kind_code
    inner join {{ ref('dataset_period') }} as kind on kind.dataset = scope.dataset
    where school.term = 1 or kind.period_kind = 'term'
)

select
    due.dataset,
    due.school_id,
    due.period,
    due.school_code,
    due.division_code,
    due.school_year,
    due.term,
    sent.dataset is not null as is_reported,
    calendar.due_at_city as due_date,
    coalesce(calendar.due_at_city < as_of.as_of_day, false) as is_due,
    sent.received_on,
    coalesce(sent.data_status, 'missing') as data_status
from due
cross join as_of
left join {{ ref('submission_calendar') }} as calendar
    on calendar.dataset = due.dataset and calendar.period = due.period
left join {{ ref('unit_sent') }} as sent
    on sent.dataset = due.dataset and sent.school_id = due.school_id and sent.period = due.period
