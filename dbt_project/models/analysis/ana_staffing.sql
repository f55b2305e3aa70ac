-- A school whose roster of staff, or of pupils, is not there has no count for it: null, never zero.
with confirmed as (
    {{ least_status(['student', 'staff']) }}
),

pupil_count as (
    select
        school_id,
        period,
        stage,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled
    group by school_id, period, stage
),

teacher_count as (
    select
        staff.school_id,
        staff.period,
        staff.teach_stage as stage,
        count(*) as full_time_teachers,
        count(*) filter (where staff.education_rank >= requirement.required_rank) as qualified_teachers,
        count(*) filter (where staff.education_rank >= requirement.higher_rank) as higher_qualified_teachers,
        count(*) filter (where staff.has_certificate) as certified_teachers,
        count(*) filter (where staff.is_backbone) as backbone_teachers,
        count(*) filter (where staff.title_code in ('1', '2')) as senior_title_teachers
    from {{ ref('fct_staff_snapshot') }} as staff
    inner join {{ ref('teacher_requirement') }} as requirement on requirement.stage = staff.teach_stage
    where staff.is_full_time_teacher and staff.is_in_service
    group by staff.school_id, staff.period, staff.teach_stage
),

present as (
    select
        school_id,
        period,
        stage
    from pupil_count
    union
    select
        school_id,
        period,
        stage
    from teacher_count
),

delivered as (
    select distinct
        dataset,
        unit_owner,
        period
    from {{ ref('unit_current') }}
    where not is_held
),

joined as (
    select
        school.school_year,
        school.period,
        school.term,
        school.snapshot_date,
        school.division_code,
        present.school_id,
        present.stage,
        case when roster.dataset is not null then coalesce(pupil_count.pupils, 0) end as pupils,
        case when staff.dataset is not null then coalesce(teacher_count.full_time_teachers, 0) end
            as full_time_teachers,
        case when staff.dataset is not null then coalesce(teacher_count.qualified_teachers, 0) end
            as qualified_teachers,
        case when staff.dataset is not null then coalesce(teacher_count.higher_qualified_teachers, 0) end
            as higher_qualified_teachers,
        case when staff.dataset is not null then coalesce(teacher_count.certified_teachers, 0) end
            as certified_teachers,
        case when staff.dataset is not null then coalesce(teacher_count.backbone_teachers, 0) end as backbone_teachers,
        case when staff.dataset is not null then coalesce(teacher_count.senior_title_teachers, 0) end
            as senior_title_teachers
    from present
    inner join {{ ref('dim_school') }} as school
        on school.school_id = present.school_id and school.period = present.period
    left join pupil_count
        on
            pupil_count.school_id = present.school_id
            and pupil_count.period = present.period
            and pupil_count.stage = present.stage
    left join teacher_count
        on
            teacher_count.school_id = present.school_id
            and teacher_count.period = present.period
            and teacher_count.stage = present.stage
    left join delivered as roster
        on roster.dataset = 'student' and roster.unit_owner = school.school_code and roster.period = present.period
    left join delivered as staff
        on staff.dataset = 'staff' and staff.unit_owner = school.school_code and staff.period = present.period
)

select
    joined.school_year,
    joined.term,
    joined.snapshot_date,
    joined.division_code,
    joined.school_id,
    joined.stage,
    joined.pupils,
    joined.full_time_teachers,
    joined.qualified_teachers,
    joined.higher_qualified_teachers,
    joined.certified_teachers,
    joined.backbone_teachers,
    joined.senior_title_teachers,
    cast(
        round(cast(joined.pupils as decimal(18, 6)) / nullif(joined.full_time_teachers, 0), 4) as decimal(12, 4)
    ) as pupil_teacher_ratio,
    cast(
        round(cast(100 * joined.qualified_teachers as decimal(18, 6)) / nullif(joined.full_time_teachers, 0), 4)
        as decimal(7, 4)
    ) as qualified_pct,
    cast(
        round(cast(100 * joined.higher_qualified_teachers as decimal(18, 6)) / nullif(joined.full_time_teachers, 0), 4)
        as decimal(7, 4)
    ) as higher_qualified_pct,
    case
        when joined.pupils is null or joined.full_time_teachers is null then 'missing'
        else coalesce(confirmed.data_status, {{ unconfirmed_status() }})
    end as data_status
from joined
left join confirmed on confirmed.school_id = joined.school_id and confirmed.period = joined.period
