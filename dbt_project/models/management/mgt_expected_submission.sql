-- Every registered school is expected to be in every dataset of its kind: what did not come is missing, never zero.
with expected as (
    select
        calendar.dataset,
        school.school_id,
        school.school_code,
        school.division_code,
        school.managing_org,
        calendar.period,
        calendar.snapshot_date,
        calendar.due_at_city as due_date
    from {{ ref('dim_school') }} as school
    inner join {{ ref('mgt_submission_calendar') }} as calendar
        on
            calendar.period = school.period
            or (school.term = 1 and calendar.period in (school.school_year, 'FY' || substr(school.school_year, 1, 4)))
    inner join {{ ref('dataset_scope') }} as scope
        on scope.dataset = calendar.dataset and scope.school_kind_code = school.school_kind_code
),

delivered as (
    select
        unit.dataset,
        unit.unit_owner,
        unit.period,
        unit.received_at,
        unit.is_held,
        delivery.rows_accepted
    from {{ ref('unit_current') }} as unit
    inner join {{ ref('col_unit') }} as delivery
        on
            delivery.submission_id = unit.submission_id
            and delivery.dataset = unit.dataset
            and delivery.unit_owner = unit.unit_owner
            and delivery.snapshot_date is not distinct from unit.snapshot_date
    where unit.delivery_rank = 1
),

refused as (
    select distinct
        dataset,
        submitter_org,
        period
    from {{ ref('col_submission') }}
    where status = 'rejected'
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
        and refused.submitter_org = expected.school_code
        and refused.period = expected.period
