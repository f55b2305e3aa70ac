-- A case appears once; where a decision made its cause go away, the decision keeps it on the list.
with by_period as (
    select
        case_id,
        case_kind,
        subject_key,
        dataset,
        period,
        min(school_code) as school_code,
        -- A case over two schools shows when the second of them has delivered.
        max(opened_on) as opened_on,
        min(detail_zh) as detail_zh,
        row_number() over (partition by case_id order by period, dataset) as first_no,
        max(period) over (partition by case_id) as last_period
    from {{ ref('mgt_case_school') }}
    group by case_id, case_kind, subject_key, dataset, period
),

schools as (
    select
        case_id,
        count(distinct school_code) as schools
    from {{ ref('mgt_case_school') }}
    group by case_id
),

seen as (
    select
        by_period.case_id,
        by_period.case_kind,
        by_period.dataset,
        by_period.school_code,
        by_period.period,
        by_period.last_period,
        by_period.subject_key,
        by_period.detail_zh,
        by_period.opened_on,
        schools.schools
    from by_period
    inner join schools on schools.case_id = by_period.case_id
    where by_period.first_no = 1
),

decided as (
    select
        case_id,
        case_kind,
        subject_key,
        decision,
        author,
        recorded_at
    from {{ ref('col_decision') }}
    where is_current
)

select
    coalesce(seen.case_id, decided.case_id) as case_id,
    coalesce(seen.case_kind, decided.case_kind) as case_kind,
    seen.dataset,
    seen.school_code,
    seen.period,
    seen.last_period,
    coalesce(seen.subject_key, decided.subject_key) as subject_key,
    cast(coalesce(seen.schools, 0) as integer) as schools,
    coalesce(seen.detail_zh, '已按处理决定消除') as detail_zh,
    case when decided.decision is null or decided.decision = 'reopen' then 'open' else 'decided' end as status,
    seen.opened_on,
    case
        when decided.decision is null or decided.decision = 'reopen'
            then cast(greatest(0, {{ days_between('seen.opened_on', as_of_date()) }}) as integer)
    end as days_open,
    decided.decision,
    decided.author as decided_by,
    cast(decided.recorded_at as date) as decided_on
from seen
full outer join decided on decided.case_id = seen.case_id
where seen.case_id is not null or decided.decision <> 'reopen'
