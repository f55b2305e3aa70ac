-- Every registered school owes every dataset of its kind: what did not come is missing, never zero.
with due as (
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
),

delivered as (
    select distinct -- several deliveries may make one unit
        unit.dataset,
        school.school_id,
        unit.period
    from {{ ref('unit_current') }} as unit
    inner join {{ ref('map_school_code') }} as school on school.school_code = unit.unit_owner
    where not unit.is_held
),

confirmed as (
    select
        dataset,
        school_id,
        period,
        min(status_order) as status_order
    from {{ ref('unit_status') }}
    group by dataset, school_id, period
)

select
    due.dataset,
    due.school_id,
    due.period,
    due.school_code,
    due.division_code,
    due.school_year,
    due.term,
    delivered.dataset is not null as is_reported,
    case
        when delivered.dataset is null then 'missing'
        else coalesce(status.data_status, {{ unconfirmed_status() }})
    end as data_status
from due
left join delivered
    on delivered.dataset = due.dataset and delivered.school_id = due.school_id and delivered.period = due.period
left join confirmed
    on confirmed.dataset = due.dataset and confirmed.school_id = due.school_id and confirmed.period = due.period
left join {{ ref('data_status') }} as status on status.sort_order = confirmed.status_order
