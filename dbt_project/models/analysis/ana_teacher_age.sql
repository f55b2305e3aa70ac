-- The age pyramid of full-time teachers; years completed on the day of the snapshot.
with sex as (
    select unnest(['0', '1', '2']) as sex_code
),

band as (
    select
        age.age_band,
        sex.sex_code
    from {{ ref('teacher_age_band') }} as age
    cross join sex
),

teacher as (
    select
        school_id,
        school_year,
        teach_stage as stage,
        case when sex_code in ('1', '2') then sex_code else '0' end as sex_code,
        coalesce({{ age_years('birth_date', 'snapshot_date') }}, -1) as age
    from {{ ref('fct_staff_snapshot') }}
    where is_full_time_teacher and is_in_service and term = 1 and teach_stage is not null
),

counted as (
    select
        teacher.school_id,
        teacher.school_year,
        teacher.stage,
        teacher.sex_code,
        band.age_band,
        count(*) as teachers
    from teacher
    inner join {{ ref('teacher_age_band') }} as band on teacher.age between band.age_first and band.age_last
    group by teacher.school_id, teacher.school_year, teacher.stage, teacher.sex_code, band.age_band
),

taught as (
    select
        school_id,
        school_year,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1
    union
    select
        school_id,
        school_year,
        stage
    from counted
),

due as (
    select
        due.school_id,
        due.division_code,
        due.school_year,
        taught.stage,
        due.is_reported
    from {{ ref('unit_expected') }} as due
    inner join taught on taught.school_id = due.school_id and taught.school_year = due.school_year
    where due.dataset = 'staff' and due.term = 1
),

spread as (
    {{ at_levels('due') }}
)

select
    spread.school_year,
    spread.area_level,
    spread.area_id,
    spread.stage,
    band.sex_code,
    band.age_band,
    -- Where no school of the area reported, there is no number, and not the number zero.
    cast(
        case
            when bool_or(spread.is_reported) then sum(coalesce(counted.teachers, 0)) filter (where spread.is_reported)
        end
        as bigint
    ) as teachers,
    count(*) as schools_expected,
    count(*) filter (where spread.is_reported) as schools_reported
from spread
cross join band
left join counted
    on
        counted.school_id = spread.school_id
        and counted.school_year = spread.school_year
        and counted.stage = spread.stage
        and counted.age_band = band.age_band
        and counted.sex_code = band.sex_code
group by spread.school_year, spread.area_level, spread.area_id, spread.stage, band.sex_code, band.age_band
