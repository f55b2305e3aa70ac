-- Cells of the yearly statistical tables that are of few children in one school, so that only the city's sum is shown.
with line as (
    select 'grade' as row_code
    union all
    select 'total' as row_code
),

counted as (
    select
        learner.school_year,
        form.pupil_table || '年龄' as table_no,
        case line.row_code when 'grade' then learner.grade_code else line.row_code end as row_code,
        learner.age,
        sum(learner.pupils) as pupils
    from {{ ref('ana_learner_count') }} as learner
    inner join {{ ref('report_stage') }} as form on form.stage = learner.stage
    cross join line
    where form.is_sensitive and learner.age >= 0
    group by
        learner.school_year, form.pupil_table, learner.age,
        case line.row_code when 'grade' then learner.grade_code else line.row_code end
)

select
    counted.school_year,
    counted.table_no,
    counted.row_code,
    coalesce(case counted.row_code when 'total' then '合计' end, grade.grade_name) as row_name,
    'age_' || lpad(cast(counted.age as varchar), 2, '0') as column_code,
    cast(counted.age as varchar) || '岁' as column_name,
    counted.age as column_order,
    cast(counted.pupils as decimal(18, 2)) as value
from counted
left join {{ ref('dim_grade') }} as grade on grade.grade_code = counted.row_code
