-- Counts of persons, hidden where they are few when a version is published (warehouse/suppression). Who was counted is
-- known in any case: query.health_group, repeated here.
with counted as (
    {{ health_rows() }}
),

placed as (
    select
        counted.school_year,
        counted.category_group,
        school.division_code,
        grade.stage,
        counted.category,
        count(*) as persons
    from counted
    inner join {{ ref('dim_school') }} as school
        on school.school_id = counted.school_id and school.school_year = counted.school_year and school.term = 1
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = counted.grade_code
    group by counted.school_year, counted.category_group, school.division_code, grade.stage, counted.category
)

select
    everybody.school_year,
    everybody.category_group,
    name.category_group_name,
    everybody.division_code,
    everybody.division_name,
    everybody.stage,
    everybody.stage_name,
    name.category,
    name.category_name,
    case when everybody.is_split then coalesce(placed.persons, 0) end as persons,
    everybody.persons_counted,
    everybody.is_split,
    not everybody.is_split as is_suppressed
from {{ ref('qry_health_group') }} as everybody
inner join {{ ref('health_category') }} as name on name.category_group = everybody.category_group
left join placed
    on
        placed.school_year = everybody.school_year
        and placed.category_group = everybody.category_group
        and placed.division_code = everybody.division_code
        and placed.stage = everybody.stage
        and placed.category = name.category
