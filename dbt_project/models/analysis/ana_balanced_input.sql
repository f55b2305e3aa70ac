-- What each school's own stage has of the seven resources. Premises of a school of several levels are attributed by
-- weighted pupils (1 : 1.1 : 1.32); teachers by the stage that they teach.
with school as (
    select
        dim.school_id,
        dim.school_code,
        dim.school_year,
        dim.period,
        dim.evaluated_division_code,
        kind.weight_primary,
        kind.weight_junior,
        kind.weight_senior,
        kind.minimum_pupils
    from {{ ref('dim_school') }} as dim
    inner join {{ ref('school_kind') }} as kind on kind.school_kind_code = dim.school_kind_code
    where dim.term = 1 and kind.is_balanced_evaluated
),

pupil as (
    select
        school_id,
        period,
        count(*) filter (where stage = 'primary') as pupils_primary,
        count(*) filter (where stage = 'junior') as pupils_junior,
        count(*) filter (where stage = 'senior') as pupils_senior
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
    group by school_id, period
),

staged as (
    select
        school.school_id,
        school.school_code,
        school.school_year,
        school.period,
        school.evaluated_division_code,
        school.minimum_pupils,
        stage.stage,
        case stage.stage when 'primary' then pupil.pupils_primary else pupil.pupils_junior end as pupils,
        case stage.stage
            when 'primary' then school.weight_primary * pupil.pupils_primary
            else school.weight_junior * pupil.pupils_junior
        end as weighted_pupils,
        school.weight_primary * pupil.pupils_primary + school.weight_junior * pupil.pupils_junior
        + school.weight_senior * pupil.pupils_senior as weighted_total
    from school
    inner join pupil on pupil.school_id = school.school_id and pupil.period = school.period
    inner join {{ ref('dim_stage') }} as stage on stage.stage in ('primary', 'junior')
),

teacher as (
    select
        staff.school_id,
        staff.period,
        staff.teach_stage as stage,
        count(*) filter (where staff.education_rank >= rule.teacher_rank) as higher_teachers,
        count(*) filter (where staff.is_backbone) as backbone_teachers,
        count(*) filter (where subject.subject_code is not null) as arts_sports_teachers
    from {{ ref('fct_staff_snapshot') }} as staff
    inner join {{ ref('balanced_threshold') }} as rule
        on
            rule.stage = staff.teach_stage
            and rule.indicator_no = 1
            and {{ is_valid_in('rule', 'staff.school_year') }}
    left join {{ ref('arts_sports_subject') }} as subject on subject.subject_code = staff.subject_code
    where staff.is_full_time_teacher and staff.is_in_service
    group by staff.school_id, staff.period, staff.teach_stage
),

premises as (
    select
        school_id,
        school_year,
        sum(teaching_area_m2) - sum(indoor_sports_area_m2) as teaching_area_m2,
        sum(sports_ground_area_m2) + sum(indoor_sports_area_m2) as sports_area_m2,
        sum(equipment_value_yuan) as equipment_value_yuan,
        sum(multimedia_classrooms) as multimedia_classrooms,
        count(*) = count(teaching_area_m2) and count(*) = count(indoor_sports_area_m2)
        and count(*) = count(sports_ground_area_m2) as is_area_complete,
        count(*) = count(equipment_value_yuan) as is_equipment_complete,
        count(*) = count(multimedia_classrooms) as is_multimedia_complete
    from {{ ref('fct_campus_facility') }}
    group by school_id, school_year
),

staff_delivered as (
    select distinct
        unit_owner,
        period
    from {{ ref('unit_current') }}
    where dataset = 'staff' and not is_held
)

select
    staged.school_year,
    staged.evaluated_division_code as division_code,
    staged.school_id,
    staged.stage,
    staged.pupils,
    cast(staged.weighted_pupils as decimal(18, 4)) as weighted_pupils,
    cast(staged.weighted_total as decimal(18, 4)) as weighted_total,
    case when staff_delivered.unit_owner is not null then coalesce(teacher.higher_teachers, 0) end as higher_teachers,
    case when staff_delivered.unit_owner is not null then coalesce(teacher.backbone_teachers, 0) end
        as backbone_teachers,
    case when staff_delivered.unit_owner is not null then coalesce(teacher.arts_sports_teachers, 0) end
        as arts_sports_teachers,
    cast(case when premises.is_area_complete then premises.teaching_area_m2 end as decimal(18, 2)) as teaching_area_m2,
    cast(case when premises.is_area_complete then premises.sports_area_m2 end as decimal(18, 2)) as sports_area_m2,
    cast(case when premises.is_equipment_complete then premises.equipment_value_yuan end as decimal(18, 2))
        as equipment_value_yuan,
    cast(case when premises.is_multimedia_complete then premises.multimedia_classrooms end as bigint)
        as multimedia_classrooms
from staged
left join teacher
    on teacher.school_id = staged.school_id and teacher.period = staged.period and teacher.stage = staged.stage
left join premises on premises.school_id = staged.school_id and premises.school_year = staged.school_year
left join staff_delivered
    on staff_delivered.unit_owner = staged.school_code and staff_delivered.period = staged.period
where staged.pupils > 0 and staged.pupils >= staged.minimum_pupils
