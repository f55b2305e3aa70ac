-- Conditions of each vocational school against each standard; a figure whose report is missing has no verdict.
with school as (
    select
        school.school_id,
        school.school_year,
        school.division_code,
        roll.is_reported as has_roll,
        staff.is_reported as has_staff,
        campus.is_reported as has_campus,
        post.is_reported as has_post
    from {{ ref('dim_school') }} as school
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = school.school_id and taught.period = school.period and taught.stage = 'vocational'
    left join {{ ref('unit_expected') }} as roll
        on roll.dataset = 'student' and roll.school_id = school.school_id and roll.period = school.period
    left join {{ ref('unit_expected') }} as staff
        on staff.dataset = 'staff' and staff.school_id = school.school_id and staff.period = school.period
    left join {{ ref('unit_expected') }} as campus
        on
            campus.dataset = 'campus_facility'
            and campus.school_id = school.school_id
            and campus.period = school.school_year
    left join {{ ref('unit_expected') }} as post
        on post.dataset = 'staff_post' and post.school_id = school.school_id and post.period = school.school_year
    where school.term = 1
),

pupil as (
    select
        school_id,
        school_year,
        sum(pupils) as pupils
    from {{ ref('ana_learner_count') }}
    where stage = 'vocational'
    group by school_id, school_year
),

teacher as (
    select
        school_id,
        school_year,
        count(*) as teachers
    from {{ ref('fct_staff_snapshot') }}
    where is_full_time_teacher and is_in_service and term = 1 and teach_stage = 'vocational'
    group by school_id, school_year
),

campus as (
    select
        school_id,
        school_year,
        sum(land_area_m2) as land_m2,
        sum(building_area_m2) as building_m2,
        sum(equipment_value_yuan) as equipment_yuan,
        sum(books) as books
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

dual as (
    select
        school_id,
        period as school_year,
        count(*) filter (where is_dual_qualified is not null) as professional,
        count(*) filter (where is_dual_qualified) as both_qualifications
    from {{ ref('fct_staff_post') }}
    group by school_id, period
),

measured as (
    select
        school.school_id,
        school.school_year,
        school.division_code,
        case when school.has_roll then coalesce(pupil.pupils, 0) end as pupils,
        case when school.has_staff then coalesce(teacher.teachers, 0) end as teachers,
        case when school.has_campus then campus.land_m2 end as land_m2,
        case when school.has_campus then campus.building_m2 end as building_m2,
        case when school.has_campus then campus.equipment_yuan end as equipment_yuan,
        case when school.has_campus then campus.books end as books,
        case when school.has_post then dual.professional end as professional,
        case when school.has_post then dual.both_qualifications end as both_qualifications
    from school
    left join pupil on pupil.school_id = school.school_id and pupil.school_year = school.school_year
    left join teacher on teacher.school_id = school.school_id and teacher.school_year = school.school_year
    left join campus on campus.school_id = school.school_id and campus.school_year = school.school_year
    left join dual on dual.school_id = school.school_id and dual.school_year = school.school_year
),

-- The register names no key school: the largest of a county is taken, of equal ones the first by number.
ranked as (
    select
        *,
        row_number() over (
            partition by division_code, school_year
            order by pupils desc nulls last, school_id asc
        ) = 1 and pupils is not null as is_key_school
    from measured
),

judged as (
    select
        ranked.school_id,
        ranked.school_year,
        ranked.division_code,
        ranked.is_key_school,
        rule.standard_code,
        rule.comparator,
        rule.threshold,
        cast(case rule.standard_code
            when 'land_m2' then ranked.land_m2
            when 'land_m2_per_pupil' then ranked.land_m2 / nullif(ranked.pupils, 0)
            when 'building_m2' then ranked.building_m2
            when 'building_m2_per_pupil' then ranked.building_m2 / nullif(ranked.pupils, 0)
            when 'teachers' then ranked.teachers
            when 'pupils_per_teacher' then ranked.pupils / nullif(cast(ranked.teachers as decimal(18, 4)), 0)
            when 'equipment_yuan' then ranked.equipment_yuan
            when 'equipment_yuan_per_pupil' then ranked.equipment_yuan / nullif(ranked.pupils, 0)
            when 'books_per_pupil' then ranked.books / nullif(cast(ranked.pupils as decimal(18, 4)), 0)
            when 'dual_qualified_pct'
                then 100 * ranked.both_qualifications / nullif(cast(ranked.professional as decimal(18, 4)), 0)
        end as double) as value_exact
    from ranked
    inner join {{ ref('vocational_standard') }} as rule on {{ is_valid_in('rule', 'ranked.school_year') }}
)

select
    school_id,
    school_year,
    division_code,
    is_key_school,
    standard_code,
    threshold,
    cast(round(value_exact, 4) as decimal(18, 4)) as value,
    -- How much is lacking, never below zero.
    cast(round(case
        when value_exact is null then null
        when comparator = '>=' then greatest(threshold - value_exact, 0)
        else greatest(value_exact - threshold, 0)
    end, 4) as decimal(18, 4)) as distance,
    case when comparator = '>=' then value_exact >= threshold else value_exact <= threshold end as is_met
from judged
