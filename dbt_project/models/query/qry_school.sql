with enrolled as (
    select
        school_id,
        school_year,
        term,
        sum(pupils) as pupils,
        sum(pupils) filter (where stage = 'preschool') as pupils_preschool,
        sum(pupils) filter (where stage = 'primary') as pupils_primary,
        sum(pupils) filter (where stage = 'junior') as pupils_junior,
        sum(pupils) filter (where stage = 'senior') as pupils_senior,
        sum(pupils) filter (where stage = 'vocational') as pupils_vocational,
        sum(pupils_female) as pupils_female,
        sum(pupils_boarding) as pupils_boarding
    from {{ ref('ana_enrolment') }}
    group by school_id, school_year, term
),

classes as (
    select
        school_id,
        school_year,
        term,
        count(*) as classes,
        count(*) filter (where is_large) as large_classes,
        count(*) filter (where is_oversize) as oversize_classes
    from {{ ref('ana_class_size') }}
    group by school_id, school_year, term
),

teachers as (
    select
        school_id,
        school_year,
        term,
        sum(full_time_teachers) as full_time_teachers,
        sum(backbone_teachers) as backbone_teachers
    from {{ ref('ana_staffing') }}
    group by school_id, school_year, term
),

-- A figure that one campus lacks is unknown for the school: a sum of the others would pass for the whole.
campus as (
    select
        school_id,
        school_year,
        count(*) as campuses,
        case when count(*) = count(land_area_m2) then sum(land_area_m2) end as land_area_m2,
        case when count(*) = count(building_area_m2) then sum(building_area_m2) end as building_area_m2,
        case when count(*) = count(teaching_area_m2) then sum(teaching_area_m2) end as teaching_area_m2,
        case when count(*) = count(sports_ground_area_m2) then sum(sports_ground_area_m2) end as sports_ground_area_m2,
        case when count(*) = count(equipment_value_yuan) then sum(equipment_value_yuan) end as equipment_value_yuan,
        case when count(*) = count(classrooms) then sum(classrooms) end as classrooms,
        case when count(*) = count(books) then sum(books) end as books,
        case when count(*) = count(dilapidated_area_m2) then sum(dilapidated_area_m2) end as dilapidated_area_m2
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
)

select
    school.school_year,
    school.term,
    school.snapshot_date,
    school.school_id,
    school.school_code,
    school.school_name,
    school.school_kind_code,
    school.school_kind_name,
    school.is_private,
    school.division_code,
    division.division_name,
    township.township_name,
    school.managing_org,
    school.urban_rural_group,
    cast(enrolled.pupils as bigint) as pupils,
    cast(enrolled.pupils_preschool as bigint) as pupils_preschool,
    cast(enrolled.pupils_primary as bigint) as pupils_primary,
    cast(enrolled.pupils_junior as bigint) as pupils_junior,
    cast(enrolled.pupils_senior as bigint) as pupils_senior,
    cast(enrolled.pupils_vocational as bigint) as pupils_vocational,
    cast(enrolled.pupils_female as bigint) as pupils_female,
    cast(enrolled.pupils_boarding as bigint) as pupils_boarding,
    classes.classes,
    classes.large_classes,
    classes.oversize_classes,
    cast(teachers.full_time_teachers as bigint) as full_time_teachers,
    cast(teachers.backbone_teachers as bigint) as backbone_teachers,
    cast(
        round(cast(enrolled.pupils as decimal(18, 6)) / nullif(teachers.full_time_teachers, 0), 2) as decimal(10, 2)
    ) as pupil_teacher_ratio,
    school.founded_ym,
    campus.campuses,
    cast(campus.land_area_m2 as decimal(18, 2)) as land_area_m2,
    cast(campus.building_area_m2 as decimal(18, 2)) as building_area_m2,
    cast(campus.teaching_area_m2 as decimal(18, 2)) as teaching_area_m2,
    cast(campus.sports_ground_area_m2 as decimal(18, 2)) as sports_ground_area_m2,
    cast(campus.equipment_value_yuan as decimal(18, 2)) as equipment_value_yuan,
    cast(campus.classrooms as bigint) as classrooms,
    cast(campus.books as bigint) as books,
    cast(campus.dilapidated_area_m2 as decimal(18, 2)) as dilapidated_area_m2
from {{ ref('dim_school') }} as school
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
left join {{ ref('dim_township') }} as township on township.township_code = school.township_code
left join enrolled
    on
        enrolled.school_id = school.school_id
        and enrolled.school_year = school.school_year
        and enrolled.term = school.term
left join classes
    on classes.school_id = school.school_id and classes.school_year = school.school_year and classes.term = school.term
left join teachers
    on
        teachers.school_id = school.school_id
        and teachers.school_year = school.school_year
        and teachers.term = school.term
left join campus on campus.school_id = school.school_id and campus.school_year = school.school_year
