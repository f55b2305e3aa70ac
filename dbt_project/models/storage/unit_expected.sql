-- Every registered school owes every dataset of its kind: what did not come is missing, never zero. It is due once the
-- day on which the calendar closes it at the city has come; what the calendar does not ask for is never due. A dataset
-- of some grades alone is not owed where the whole roll shows nobody in them; without one nobody knows: it is owed.
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
    inner join {{ ref('dim_dataset') }} as kind on kind.dataset = scope.dataset
    where school.term = 1 or kind.period_kind = 'term'
),

-- A roll that says of itself that it is only a part does not say who is not at the school.
rolled as (
    select distinct -- a school year has a roll a term
        school.school_id,
        school.school_year
    from {{ ref('unit_current') }} as unit
    inner join {{ ref('dim_school') }} as school
        on school.school_code = unit.unit_owner and school.period = unit.period
    where unit.dataset = 'student' and unit.coverage = 'full' and not unit.is_held
),

spoken_of as (
    select distinct -- a dataset speaks of many learners
        covered.dataset,
        pupil.school_id,
        pupil.school_year
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dataset_grade') }} as covered on covered.grade_code = pupil.grade_code
    where pupil.is_enrolled
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
    sent.dataset is not null
    or rolled.school_id is null
    or spoken_of.school_id is not null
    or due.dataset not in (select covered.dataset from {{ ref('dataset_grade') }} as covered)
        as is_owed,
    calendar.due_at_city as due_date,
    coalesce(calendar.due_at_city < as_of.as_of_day, false) as is_due,
    coalesce(sent.data_status, 'missing') as data_status
from due
cross join as_of
left join {{ ref('submission_calendar') }} as calendar
    on calendar.dataset = due.dataset and calendar.period = due.period
left join {{ ref('unit_sent') }} as sent
    on sent.dataset = due.dataset and sent.school_id = due.school_id and sent.period = due.period
left join rolled on rolled.school_id = due.school_id and rolled.school_year = due.school_year
left join spoken_of
    on
        spoken_of.dataset = due.dataset
        and spoken_of.school_id = due.school_id
        and spoken_of.school_year = due.school_year
