-- Groups of fewer than twice the small number are not split at all: any split of them would tell about persons.
with small as (
    select max(threshold) as threshold -- the strictest that ever was protects all years
    from {{ ref('suppression_threshold') }}
    where topic = 'sensitive'
),

counted as (
    {{ health_rows() }}
)

select
    counted.school_year,
    counted.category_group,
    school.division_code,
    division.division_name,
    grade.stage,
    stage.stage_name,
    count(*) as persons_counted,
    count(*) >= 2 * small.threshold as is_split
from counted
cross join small
inner join {{ ref('dim_school') }} as school
    on school.school_id = counted.school_id and school.school_year = counted.school_year and school.term = 1
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = counted.grade_code
inner join {{ ref('dim_stage') }} as stage on stage.stage = grade.stage
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
group by
    counted.school_year, counted.category_group, school.division_code, division.division_name, grade.stage,
    stage.stage_name, small.threshold
