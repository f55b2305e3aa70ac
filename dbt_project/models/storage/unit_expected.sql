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
    coalesce(sent.data_status, 'missing') as data_status
from due
left join {{ ref('unit_sent') }} as sent
    on sent.dataset = due.dataset and sent.school_id = due.school_id and sent.period = due.period
