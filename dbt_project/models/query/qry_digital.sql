with used as (
    select
        school_id,
        school_year,
        sum(views) as resource_views,
        sum(downloads) as resource_downloads,
        sum(minutes) as resource_minutes
    from {{ ref('fct_resource_usage') }}
    group by school_id, school_year
),

enrolled as (
    select
        school_id,
        school_year,
        sum(pupils) as pupils
    from {{ ref('ana_enrolment') }}
    where term = 1
    group by school_id, school_year
),

taught as (
    select
        school_id,
        school_year,
        sum(full_time_teachers) as full_time_teachers
    from {{ ref('ana_staffing') }}
    where term = 1
    group by school_id, school_year
)

select
    school.school_year,
    school.division_code,
    division.division_name,
    school.school_id,
    school.school_name,
    school.school_kind_name,
    school.managing_org,
    school.is_private,
    school.urban_rural_group,
    cast(enrolled.pupils as bigint) as pupils,
    cast(taught.full_time_teachers as bigint) as full_time_teachers,
    digital.bandwidth_mbps,
    digital.has_wireless,
    digital.student_terminals,
    digital.teacher_terminals,
    digital.multimedia_classrooms,
    digital.smart_classrooms,
    digital.recording_classrooms,
    digital.learning_spaces,
    digital.trained_teachers,
    digital.security_level_code,
    digital.has_security_plan,
    digital.is_digital_campus_standard,
    cast(
        round(cast(100 * digital.student_terminals as decimal(18, 6)) / nullif(enrolled.pupils, 0), 2) as decimal(10, 2)
    ) as student_terminals_per_100,
    cast(used.resource_views as bigint) as resource_views,
    cast(used.resource_downloads as bigint) as resource_downloads,
    cast(used.resource_minutes as bigint) as resource_minutes
from {{ ref('fct_digital_campus') }} as digital
inner join {{ ref('dim_school') }} as school
    on school.school_id = digital.school_id and school.school_year = digital.period and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
left join enrolled on enrolled.school_id = digital.school_id and enrolled.school_year = digital.period
left join taught on taught.school_id = digital.school_id and taught.school_year = digital.period
left join used on used.school_id = digital.school_id and used.school_year = digital.period
