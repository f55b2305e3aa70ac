-- Who teaches: full-time teachers in service on 1 September, by institution and the stage that they teach.
with due as (
    select
        staff.school_id,
        staff.division_code,
        staff.school_year,
        staff.is_reported,
        staff.data_status,
        roll.is_reported as is_roll_reported,
        roll.data_status as roll_status
    from {{ ref('unit_expected') }} as staff
    left join {{ ref('unit_expected') }} as roll
        on
            roll.dataset = 'student'
            and roll.school_id = staff.school_id
            and roll.school_year = staff.school_year
            and roll.term = 1
    where staff.dataset = 'staff' and staff.term = 1
),

pupil as (
    select
        school_id,
        school_year,
        stage,
        sum(pupils) as pupils
    from {{ ref('ana_learner_count') }}
    group by school_id, school_year, stage
),

teacher as (
    select
        staff.school_id,
        staff.school_year,
        staff.teach_stage as stage,
        coalesce(staff.title_code, '9') as title_code,
        staff.education_rank,
        staff.has_certificate,
        staff.is_backbone,
        requirement.required_rank,
        requirement.higher_rank
    from {{ ref('fct_staff_snapshot') }} as staff
    inner join {{ ref('teacher_requirement') }} as requirement on requirement.stage = staff.teach_stage
    where staff.is_full_time_teacher and staff.is_in_service and staff.term = 1
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'title')
),

counted as (
    select
        teacher.school_id,
        teacher.school_year,
        teacher.stage,
        cut.breakdown,
        cut.breakdown_value,
        count(*) as teachers,
        count(*) filter (where teacher.education_rank >= teacher.required_rank) as qualified,
        count(*) filter (where teacher.education_rank >= teacher.higher_rank) as higher_qualified,
        count(*) filter (where teacher.has_certificate) as certified,
        count(*) filter (where teacher.title_code in ('1', '2')) as senior_titled,
        count(*) filter (where teacher.is_backbone) as backbone
    from teacher
    inner join cut on cut.breakdown = 'all' or cut.breakdown_value = teacher.title_code
    group by teacher.school_id, teacher.school_year, teacher.stage, cut.breakdown, cut.breakdown_value
),

-- Stages of the school's kind, and those in which it has teachers or pupils all the same.
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
    union
    select
        school_id,
        school_year,
        stage
    from pupil
),

measured as (
    select
        due.school_year,
        due.school_id,
        due.division_code,
        taught.stage,
        cut.breakdown,
        cut.breakdown_value,
        due.is_reported,
        due.data_status,
        due.is_roll_reported,
        due.roll_status,
        coalesce(pupil.pupils, 0) as pupils,
        coalesce(counted.teachers, 0) as teachers,
        coalesce(counted.qualified, 0) as qualified,
        coalesce(counted.higher_qualified, 0) as higher_qualified,
        coalesce(counted.certified, 0) as certified,
        coalesce(counted.senior_titled, 0) as senior_titled,
        coalesce(counted.backbone, 0) as backbone,
        coalesce(whole.teachers, 0) as teachers_of_school
    from due
    inner join taught on taught.school_id = due.school_id and taught.school_year = due.school_year
    cross join cut
    left join pupil
        on
            pupil.school_id = taught.school_id
            and pupil.school_year = taught.school_year
            and pupil.stage = taught.stage
    left join counted
        on
            counted.school_id = taught.school_id
            and counted.school_year = taught.school_year
            and counted.stage = taught.stage
            and counted.breakdown = cut.breakdown
            and counted.breakdown_value = cut.breakdown_value
    left join counted as whole
        on
            whole.school_id = taught.school_id
            and whole.school_year = taught.school_year
            and whole.stage = taught.stage
            and whole.breakdown = 'all'
),

claim as (
    select
        measured.*,
        'teacher.full_time' as indicator_code,
        teachers as numerator,
        cast(null as bigint) as denominator
    from measured
    where breakdown = 'all'
    union all
    select
        measured.*,
        'teacher.title_share' as indicator_code,
        teachers as numerator,
        teachers_of_school as denominator
    from measured
    where breakdown = 'title'
    {% for code, numerator in [
        ('qualified_pct', 'qualified'),
        ('higher_qualified_pct', 'higher_qualified'),
        ('certified_pct', 'certified'),
        ('senior_title_pct', 'senior_titled'),
        ('backbone_pct', 'backbone'),
    ] %}
        union all
        select
            measured.*,
            'teacher.{{ code }}' as indicator_code,
            {{ numerator }} as numerator,
            teachers as denominator
        from measured
        where breakdown = 'all'
    {% endfor %}
    union all
    -- Two rosters make one ratio: both have to be there, and it is as certain as the less certain one.
    select
        measured.* replace (
            measured.is_reported and coalesce(measured.is_roll_reported, false) as is_reported,
            case
                when status.sort_order > roll.sort_order then measured.roll_status
                else measured.data_status
            end as data_status
        ),
        'teacher.pupil_teacher_ratio' as indicator_code,
        measured.pupils as numerator,
        measured.teachers as denominator
    from measured
    inner join {{ ref('data_status') }} as status on status.data_status = measured.data_status
    left join {{ ref('data_status') }} as roll on roll.data_status = coalesce(measured.roll_status, 'missing')
    where measured.breakdown = 'all'
)

select
    indicator_code,
    school_year as period,
    school_id as area_id,
    division_code,
    school_id,
    stage,
    breakdown,
    breakdown_value,
    cast(case when is_reported then numerator end as decimal(18, 4)) as numerator,
    cast(case when is_reported then denominator end as decimal(18, 4)) as denominator,
    data_status
from claim
