-- The fitness total of graduation: the final year's total and the mean of the other years' by the standard's weights.
-- Who lacks the total of a year of the stage (exempt, incomplete, from another city) has none. A school's part is not
-- reported as long as the platform's own years do not reach back to the first year of the stage.
with last_grade as (
    select
        stage,
        max(grade_in_stage) as grades
    from {{ ref('dim_grade') }}
    where stage in ('primary', 'junior', 'senior', 'vocational')
    group by stage
),

-- Who was tested in two schools of one year has the better total.
yearly as (
    select
        person_id,
        stage,
        period,
        max(total_score) as total_score
    from {{ ref('fct_fitness_score') }}
    where person_id is not null
    group by person_id, stage, period
),

first_year as (
    select min({{ period_year('period') }}) as start_year
    from {{ ref('fct_fitness_score') }}
),

graduate as (
    select
        tested.school_id,
        tested.period,
        tested.stage,
        tested.person_id,
        last_grade.grades,
        max(tested.total_score) as final_score
    from {{ ref('fct_fitness_score') }} as tested
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = tested.grade_code
    inner join last_grade on last_grade.stage = tested.stage and last_grade.grades = grade.grade_in_stage
    where tested.person_id is not null
    group by tested.school_id, tested.period, tested.stage, tested.person_id, last_grade.grades
),

followed as (
    select
        graduate.school_id,
        graduate.period,
        graduate.stage,
        graduate.person_id,
        case
            when count(earlier.total_score) >= graduate.grades - 1
                then
                    (
                        weight.final_year_pct * graduate.final_score
                        + (100 - weight.final_year_pct) * cast(sum(earlier.total_score) as decimal(28, 10))
                        / nullif(count(earlier.total_score), 0)
                    ) / 100
        end as graduation_score
    from graduate
    inner join {{ ref('fitness_graduation') }} as weight on {{ is_valid_in('weight', 'graduate.period') }}
    left join yearly as earlier
        on
            earlier.person_id = graduate.person_id
            and earlier.stage = graduate.stage
            and earlier.period < graduate.period
    group by
        graduate.school_id, graduate.period, graduate.stage, graduate.person_id, graduate.grades, graduate.final_score,
        weight.final_year_pct
),

counted as (
    select
        followed.school_id,
        followed.period,
        followed.stage,
        count(followed.graduation_score) as totalled,
        count(*) filter (where round(followed.graduation_score, 1) >= level.minimum) as passed
    from followed
    -- 及格 is the third level of the standard.
    inner join {{ ref('fitness_level') }} as level
        on level.level_code = '3' and {{ is_valid_in('level', 'followed.period') }}
    group by followed.school_id, followed.period, followed.stage
),

placed as (
    select
        due.school_id,
        due.period,
        due.division_code,
        taught.stage,
        due.is_reported and {{ period_year('due.period') }} - last_grade.grades + 1 >= first_year.start_year
            as is_reported,
        due.data_status
    from {{ ref('unit_expected') }} as due
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = due.school_id and taught.school_year = due.school_year and taught.term = 1
    inner join last_grade on last_grade.stage = taught.stage
    cross join first_year
    where due.dataset = 'fitness'
)

select
    'health.fitness_graduation_pass_rate' as indicator_code,
    placed.period,
    placed.school_id as area_id,
    placed.division_code,
    placed.school_id,
    placed.stage,
    'all' as breakdown,
    'all' as breakdown_value,
    cast(case when placed.is_reported then coalesce(counted.passed, 0) end as decimal(18, 4)) as numerator,
    cast(case when placed.is_reported then coalesce(counted.totalled, 0) end as decimal(18, 4)) as denominator,
    case when placed.is_reported then placed.data_status else 'missing' end as data_status
from placed
left join counted
    on
        counted.school_id = placed.school_id
        and counted.period = placed.period
        and counted.stage = placed.stage
