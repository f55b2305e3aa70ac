-- Rotation between schools, training hours and teachers of both qualifications.
with rotation as (
    select
        moved.school_id,
        moved.period,
        stage.stage,
        count(*) filter (where moved.is_eligible) as eligible,
        count(*) filter (where moved.is_eligible and moved.is_rotated) as rotated,
        count(*) filter (where moved.is_eligible and moved.is_rotated and moved.is_backbone) as rotated_backbone,
        count(*) filter (where moved.is_rotated and moved.rotation_kind_code = '1') as county_assigned
    from {{ ref('fct_staff_rotation') }} as moved
    left join {{ ref('fct_staff_snapshot') }} as staff
        on
            staff.person_id = moved.person_id
            and staff.school_id = moved.school_id
            and staff.school_year = moved.period
            and staff.term = 1
    -- The movement of someone who is not on the roster of the day counts for the whole of the school.
    inner join {{ ref('dim_stage') }} as stage on stage.stage in ('all', staff.teach_stage)
    group by moved.school_id, moved.period, stage.stage
),

-- A school sends movements only where there is an eligible teacher: what did not come cannot be told from none.
rotation_claim as (
    select
        sent.period,
        sent.school_id,
        school.division_code,
        rotation.stage,
        true as is_reported,
        rotation.eligible,
        rotation.rotated,
        rotation.rotated_backbone,
        rotation.county_assigned,
        sent.data_status
    from {{ ref('unit_sent') }} as sent
    inner join {{ ref('dim_school') }} as school
        on school.school_id = sent.school_id and school.school_year = sent.period and school.term = 1
    inner join rotation on rotation.school_id = sent.school_id and rotation.period = sent.period
    where sent.dataset = 'staff_rotation'
),

-- Five school years of reports, of this one and the four before.
training_reported as (
    select
        school_id,
        school_year,
        division_code,
        is_reported,
        data_status,
        count(*) filter (where is_reported) over (
            partition by school_id
            order by {{ period_year('school_year') }} range between 4 preceding and current row
        ) as reported_years
    from {{ ref('unit_expected') }}
    where dataset = 'staff_training'
),

training_due as (
    select
        training.school_id,
        training.school_year,
        training.division_code,
        training.is_reported and staff.is_reported as is_reported,
        training.reported_years,
        case
            when training_status.sort_order > staff_status.sort_order then staff.data_status
            else training.data_status
        end as data_status
    from training_reported as training
    inner join {{ ref('unit_expected') }} as staff
        on
            staff.dataset = 'staff'
            and staff.school_id = training.school_id
            and staff.school_year = training.school_year
            and staff.term = 1
    inner join {{ ref('data_status') }} as training_status on training_status.data_status = training.data_status
    inner join {{ ref('data_status') }} as staff_status on staff_status.data_status = staff.data_status
),

hours as (
    select
        person_id,
        period as school_year,
        sum(hours) as hours
    from {{ ref('fct_staff_training') }}
    where is_passed
    group by person_id, period
),

teacher as (
    select
        person_id,
        school_id,
        school_year,
        teach_stage as stage
    from {{ ref('fct_staff_snapshot') }}
    where is_full_time_teacher and is_in_service and term = 1 and teach_stage is not null
),

trained as (
    select
        teacher.school_id,
        teacher.school_year,
        teacher.stage,
        teacher.person_id,
        coalesce(sum(hours.hours) filter (where hours.school_year = teacher.school_year), 0) as hours_of_year,
        coalesce(sum(hours.hours), 0) as hours_of_five_years
    from teacher
    left join hours
        on
            hours.person_id = teacher.person_id
            and {{ period_year('hours.school_year') }}
            between {{ period_year('teacher.school_year') }} - 4 and {{ period_year('teacher.school_year') }}
    group by teacher.school_id, teacher.school_year, teacher.stage, teacher.person_id
),

training as (
    select
        trained.school_id,
        trained.school_year,
        trained.stage,
        count(*) as teachers,
        sum(trained.hours_of_year) as hours,
        count(*) filter (where trained.hours_of_five_years >= duty.hours) as complete
    from trained
    left join {{ ref('training_duty') }} as duty on {{ is_valid_in('duty', 'trained.school_year') }}
    group by trained.school_id, trained.school_year, trained.stage
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
    from training
),

training_claim as (
    select
        training_due.school_year as period,
        training_due.school_id,
        training_due.division_code,
        taught.stage,
        training_due.is_reported,
        training_due.reported_years,
        training_due.data_status,
        coalesce(training.teachers, 0) as teachers,
        coalesce(training.hours, 0) as hours,
        coalesce(training.complete, 0) as complete
    from training_due
    inner join taught
        on taught.school_id = training_due.school_id and taught.school_year = training_due.school_year
    left join training
        on
            training.school_id = training_due.school_id
            and training.school_year = training_due.school_year
            and training.stage = taught.stage
),

-- Only posts that teach a trade say whether the holder has both qualifications.
dual as (
    select
        school_id,
        period,
        count(*) filter (where is_dual_qualified is not null) as professional,
        count(*) filter (where is_dual_qualified) as both_qualifications
    from {{ ref('fct_staff_post') }}
    group by school_id, period
),

dual_claim as (
    select
        due.school_year as period,
        due.school_id,
        due.division_code,
        taught.stage,
        due.is_reported,
        due.data_status,
        coalesce(dual.professional, 0) as professional,
        coalesce(dual.both_qualifications, 0) as both_qualifications
    from {{ ref('unit_expected') }} as due
    inner join {{ ref('bridge_school_stage') }} as taught
        on
            taught.school_id = due.school_id
            and taught.school_year = due.school_year
            and taught.term = 1
            and taught.stage = 'vocational'
    left join dual on dual.school_id = due.school_id and dual.period = due.period
    where due.dataset = 'staff_post'
),

claim as (
    {% for code, source, numerator, denominator in [
        ('rotation_pct', 'rotation_claim', 'rotated', 'eligible'),
        ('rotation_backbone_pct', 'rotation_claim', 'rotated_backbone', 'rotated'),
        ('county_assigned', 'rotation_claim', 'county_assigned', 'null'),
        ('training_hours', 'training_claim', 'hours', 'teachers'),
        ('dual_qualified_pct', 'dual_claim', 'both_qualifications', 'professional'),
    ] %}
        select
            'teacher.{{ code }}' as indicator_code,
            period,
            school_id,
            division_code,
            stage,
            is_reported,
            cast({{ numerator }} as decimal(18, 4)) as numerator,
            cast({{ denominator }} as decimal(18, 4)) as denominator,
            data_status
        from {{ source }}
        union all
    {% endfor %}
    select
        'teacher.training_complete_pct' as indicator_code,
        period,
        school_id,
        division_code,
        stage,
        is_reported and reported_years = 5 as is_reported,
        cast(complete as decimal(18, 4)) as numerator,
        cast(teachers as decimal(18, 4)) as denominator,
        data_status
    from training_claim
)

select
    indicator_code,
    period,
    school_id as area_id,
    division_code,
    school_id,
    stage,
    'all' as breakdown,
    'all' as breakdown_value,
    case when is_reported then numerator end as numerator,
    case when is_reported then denominator end as denominator,
    data_status
from claim
