-- A school whose roster is missing has null, never zero: the counts of its teachers stand only beside its own total.
with grouped as (
    select
        school_id,
        school_year,
        term,
        teach_stage as stage,
        count(*) filter (where sex_code = '2') as female_teachers,
        count(*) filter (where {{ age_years('birth_date', 'snapshot_date') }} < 35) as teachers_under_35,
        count(*) filter (where {{ age_years('birth_date', 'snapshot_date') }} between 35 and 49) as teachers_35_to_49,
        count(*) filter (where {{ age_years('birth_date', 'snapshot_date') }} >= 50) as teachers_50_and_over,
        count(*) filter (where education_rank >= 6) as postgraduate_teachers,
        count(*) filter (where education_rank = 5) as bachelor_teachers,
        count(*) filter (where subject_code in (select arts.subject_code from {{ ref('arts_sports_subject') }} as arts))
            as arts_sports_teachers,
        count(*) filter (where is_establishment) as established_teachers
    from {{ ref('fct_staff_snapshot') }}
    where is_full_time_teacher and is_in_service and teach_stage is not null
    group by school_id, school_year, term, teach_stage
)

select
    staffing.school_year,
    staffing.term,
    staffing.snapshot_date,
    staffing.division_code,
    division.division_name,
    staffing.school_id,
    school.school_name,
    school.school_kind_name,
    school.managing_org,
    school.is_private,
    school.urban_rural_group,
    staffing.stage,
    stage.stage_name,
    staffing.pupils,
    staffing.full_time_teachers,
    case when staffing.full_time_teachers is not null then coalesce(grouped.female_teachers, 0) end as female_teachers,
    case when staffing.full_time_teachers is not null then coalesce(grouped.teachers_under_35, 0) end
        as teachers_under_35,
    case when staffing.full_time_teachers is not null then coalesce(grouped.teachers_35_to_49, 0) end
        as teachers_35_to_49,
    case when staffing.full_time_teachers is not null then coalesce(grouped.teachers_50_and_over, 0) end
        as teachers_50_and_over,
    case when staffing.full_time_teachers is not null then coalesce(grouped.postgraduate_teachers, 0) end
        as postgraduate_teachers,
    case when staffing.full_time_teachers is not null then coalesce(grouped.bachelor_teachers, 0) end
        as bachelor_teachers,
    case when staffing.full_time_teachers is not null then coalesce(grouped.arts_sports_teachers, 0) end
        as arts_sports_teachers,
    case when staffing.full_time_teachers is not null then coalesce(grouped.established_teachers, 0) end
        as established_teachers,
    staffing.qualified_teachers,
    staffing.higher_qualified_teachers,
    staffing.certified_teachers,
    staffing.backbone_teachers,
    staffing.senior_title_teachers,
    staffing.pupil_teacher_ratio,
    staffing.data_status
from {{ ref('ana_staffing') }} as staffing
inner join {{ ref('dim_school') }} as school
    on
        school.school_id = staffing.school_id
        and school.school_year = staffing.school_year
        and school.term = staffing.term
inner join {{ ref('dim_stage') }} as stage on stage.stage = staffing.stage
left join {{ ref('dim_division') }} as division
    on division.division_code = staffing.division_code and division.is_current
left join grouped
    on
        grouped.school_id = staffing.school_id
        and grouped.school_year = staffing.school_year
        and grouped.term = staffing.term
        and grouped.stage = staffing.stage
