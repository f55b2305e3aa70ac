-- Who reaches the statutory age of retirement in each of the ten years after the snapshot, by the gradual raise.
with staff as (
    select
        school_id,
        school_year,
        snapshot_date,
        is_full_time_teacher,
        birth_date,
        case
            when sex_code = '1' then 'male'
            when sex_code = '2' and staff_category_code = '14' then 'female_worker'
            when sex_code = '2' then 'female_cadre'
        end as retirement_group
    from {{ ref('fct_staff_snapshot') }}
    where is_in_service and term = 1
),

aged as (
    select
        staff.school_id,
        staff.school_year,
        staff.snapshot_date,
        staff.is_full_time_teacher,
        staff.birth_date + to_months(rule.age_months) as first_date,
        staff.birth_date,
        rule.age_months,
        rule.raised_from,
        rule.step_months,
        rule.raise_limit_months,
        12 * (extract(year from staff.birth_date + to_months(rule.age_months)) - extract(year from rule.raised_from))
        + extract(month from staff.birth_date + to_months(rule.age_months)) - extract(month from rule.raised_from)
            as months_after_start
    from staff
    left join {{ ref('retirement_rule') }} as rule on rule.retirement_group = staff.retirement_group
),

dated as (
    select
        school_id,
        school_year,
        is_full_time_teacher,
        snapshot_date,
        cast(
            birth_date + to_months(cast(
                age_months + case
                    when months_after_start < 0 then 0
                    else least(floor(months_after_start / step_months) + 1, raise_limit_months)
                end as integer
            )) as date
        ) as retires_on
    from aged
),

placed as (
    select
        school_id,
        school_year,
        is_full_time_teacher,
        case
            when retires_on is null then -1
            -- Past the age and still in service: due at once.
            when retires_on < snapshot_date then 1
            else {{ age_years('snapshot_date', 'retires_on') }} + 1
        end as year_no
    from dated
),

due as (
    select
        school_id,
        division_code,
        school_year,
        is_reported
    from {{ ref('unit_expected') }}
    where dataset = 'staff' and term = 1
),

spread as (
    {{ at_levels('due') }}
),

horizon as (
    select unnest(range(1, 11)) as year_no
),

area as (
    select
        spread.school_year,
        spread.area_level,
        spread.area_id,
        horizon.year_no,
        count(*) as schools_expected,
        count(*) filter (where spread.is_reported) as schools_reported
    from spread
    cross join horizon
    group by spread.school_year, spread.area_level, spread.area_id, horizon.year_no
),

counted as (
    select
        spread.school_year,
        spread.area_level,
        spread.area_id,
        placed.year_no,
        count(*) as staff,
        count(*) filter (where placed.is_full_time_teacher) as teachers
    from spread
    inner join placed on placed.school_id = spread.school_id and placed.school_year = spread.school_year
    group by spread.school_year, spread.area_level, spread.area_id, placed.year_no
),

whole as (
    select
        school_year,
        area_level,
        area_id,
        sum(staff) as staff,
        coalesce(sum(staff) filter (where year_no = -1), 0) as unknown
    from counted
    group by school_year, area_level, area_id
)

select
    area.school_year,
    area.area_level,
    area.area_id,
    cast(area.year_no as integer) as year_no,
    {{ shifted_year('area.school_year', 'area.year_no - 1') }} as retirement_school_year,
    cast(case when area.schools_reported > 0 then coalesce(counted.teachers, 0) end as bigint) as teachers_due,
    cast(case when area.schools_reported > 0 then coalesce(counted.staff, 0) end as bigint) as staff_due,
    cast(case when area.schools_reported > 0 then coalesce(whole.staff, 0) end as bigint) as staff_in_service,
    cast(case when area.schools_reported > 0 then coalesce(whole.unknown, 0) end as bigint) as staff_unknown,
    area.schools_expected,
    area.schools_reported
from area
left join counted
    on
        counted.school_year = area.school_year
        and counted.area_level = area.area_level
        and counted.area_id = area.area_id
        and counted.year_no = area.year_no
left join whole
    on
        whole.school_year = area.school_year
        and whole.area_level = area.area_level
        and whole.area_id = area.area_id
