-- Places that the campuses of a division are built for. A school that has pupils of a stage and gave no number of
-- places leaves the division's number open.
with campus as (
    select
        school_id,
        school_year,
        sum(places_preschool) as preschool,
        sum(places_primary) as primary_places,
        sum(places_junior) as junior,
        sum(places_senior) as senior,
        sum(places_vocational) as vocational
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

pupil as (
    select
        school_id,
        school_year,
        stage,
        sum(pupils) as pupils
    from {{ ref('ana_learner_count') }}
    where stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
    group by school_id, school_year, stage
),

taught as (
    select
        school_id,
        school_year,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1 and stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
    union
    select
        school_id,
        school_year,
        stage
    from pupil
),

school_place as (
    select
        school.division_code,
        taught.school_year,
        taught.stage,
        due.is_reported,
        coalesce(pupil.pupils, 0) as pupils,
        case taught.stage
            when 'preschool' then campus.preschool
            when 'primary' then campus.primary_places
            when 'junior' then campus.junior
            when 'senior' then campus.senior
            when 'vocational' then campus.vocational
        end as places
    from taught
    inner join {{ ref('dim_school') }} as school
        on school.school_id = taught.school_id and school.school_year = taught.school_year and school.term = 1
    left join {{ ref('unit_expected') }} as due
        on
            due.dataset = 'campus_facility'
            and due.school_id = taught.school_id
            and due.school_year = taught.school_year
    left join campus on campus.school_id = taught.school_id and campus.school_year = taught.school_year
    left join pupil
        on
            pupil.school_id = taught.school_id
            and pupil.school_year = taught.school_year
            and pupil.stage = taught.stage
),

staged as (
    select
        school_place.*,
        school_place.stage as stage_group
    from school_place
    union all
    select
        school_place.*,
        'upper_secondary' as stage_group
    from school_place
    where school_place.stage in ('senior', 'vocational')
)

select
    division_code,
    school_year,
    stage_group as stage,
    count(*) as schools,
    count(*) filter (where places is not null) as schools_with_places,
    cast(case
        when bool_and(coalesce(is_reported, false) and (places is not null or pupils = 0))
            then coalesce(sum(places), 0)
    end as bigint) as places
from staged
group by division_code, school_year, stage_group
