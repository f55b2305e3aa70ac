-- What did not come is missing, never zero. Who owes nothing (unit_expected) is not listed, unless something was sent.
with expected as (
    select
        due.dataset,
        due.school_id,
        due.school_code,
        due.division_code,
        school.managing_org,
        due.period,
        calendar.snapshot_date,
        calendar.due_at_city as due_date,
        due.is_owed
    from {{ ref('unit_expected') }} as due
    inner join {{ ref('mgt_submission_calendar') }} as calendar
        on calendar.dataset = due.dataset and calendar.period = due.period
    inner join {{ ref('dim_school') }} as school
        on school.school_id = due.school_id and school.school_year = due.school_year and school.term = due.term
),

-- A system that has two names for one school delivers one unit in two parts.
delivered as (
    select
        unit.dataset,
        unit.unit_owner,
        unit.period,
        unit.received_at,
        unit.is_held,
        cast(sum(delivery.rows_accepted) as bigint) as rows_accepted
    from {{ ref('unit_current') }} as unit
    inner join {{ ref('col_unit') }} as delivery
        on
            delivery.submission_id = unit.submission_id
            and delivery.dataset = unit.dataset
            and delivery.source_owner = unit.source_owner
            and delivery.period = unit.period
    where unit.delivery_rank = 1
    group by unit.dataset, unit.unit_owner, unit.period, unit.received_at, unit.is_held
),

refused as (
    select distinct
        submission.dataset,
        school.school_id,
        submission.period
    from {{ ref('col_submission') }} as submission
    inner join {{ ref('map_school_code') }} as school on school.school_code = submission.submitter_org
    where submission.status = 'rejected'
)

select
    expected.dataset,
    expected.school_id,
    expected.school_code,
    expected.division_code,
    expected.managing_org,
    expected.period,
    expected.snapshot_date,
    expected.due_date,
    case
        when delivered.is_held then 'held'
        when delivered.received_at is not null and cast(delivered.received_at as date) > expected.due_date then 'late'
        when delivered.received_at is not null then 'received'
        when refused.dataset is not null then 'rejected'
        else 'missing'
    end as status,
    delivered.received_at,
    case
        when delivered.received_at is not null
            then cast(greatest(0, {{ days_between('expected.due_date', 'delivered.received_at') }}) as integer)
    end as days_late,
    delivered.rows_accepted
from expected
left join delivered
    on
        delivered.dataset = expected.dataset
        and delivered.unit_owner = expected.school_code
        and delivered.period = expected.period
left join refused
    on
        refused.dataset = expected.dataset
        and refused.school_id = expected.school_id
        and refused.period = expected.period
where expected.is_owed or delivered.dataset is not null or refused.dataset is not null
