-- Posts against the standard of staff to pupils, posts that are filled, and teachers of scarce subjects against need.
with due as (
    select
        school.school_id,
        school.division_code,
        school.school_year,
        school.only_stage,
        school.approved_posts,
        staff.is_reported as is_staff_reported,
        staff.data_status as staff_status,
        coalesce(roll.is_reported, false) as is_roll_reported,
        coalesce(roll.data_status, 'missing') as roll_status,
        coalesce(class.is_reported, false) as is_class_reported,
        coalesce(class.data_status, 'missing') as class_status,
        coalesce(post.is_reported, false) as is_post_reported,
        coalesce(post.data_status, 'missing') as post_status
    from {{ ref('dim_school') }} as school
    inner join {{ ref('unit_expected') }} as staff
        on staff.dataset = 'staff' and staff.school_id = school.school_id and staff.period = school.period
    left join {{ ref('unit_expected') }} as roll
        on roll.dataset = 'student' and roll.school_id = school.school_id and roll.period = school.period
    left join {{ ref('unit_expected') }} as class
        on class.dataset = 'class' and class.school_id = school.school_id and class.period = school.period
    left join {{ ref('unit_expected') }} as post
        on post.dataset = 'staff_post' and post.school_id = school.school_id and post.period = school.school_year
    where school.term = 1
),

taught as (
    select
        school_id,
        school_year,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1
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

standard as (
    select
        due.school_id,
        due.school_year,
        taught.stage,
        cast(
            round(cast(coalesce(pupil.pupils, 0) as decimal(28, 10)) / norm.pupils_per_post, 2) as decimal(18, 2)
        ) as posts
    from due
    inner join taught on taught.school_id = due.school_id and taught.school_year = due.school_year
    inner join {{ ref('staff_post_norm') }} as norm
        on norm.stage = taught.stage and {{ is_valid_in('norm', 'due.school_year') }}
    left join pupil
        on pupil.school_id = due.school_id and pupil.school_year = due.school_year and pupil.stage = taught.stage
),

-- A school teaches several stages with one lot of posts: they have a stage only where it teaches a single one.
school_standard as (
    select
        school_id,
        school_year,
        sum(posts) as posts,
        count(*) as stages
    from standard
    group by school_id, school_year
),

established as (
    select
        school_id,
        school_year,
        count(*) filter (where coalesce(is_establishment, false)) as people
    from {{ ref('fct_staff_snapshot') }}
    where is_in_service and term = 1
    group by school_id, school_year
),

post_claim as (
    select
        'teacher.standard_posts' as indicator_code,
        due.school_year,
        due.school_id,
        due.division_code,
        standard.stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_roll_reported as is_reported,
        standard.posts as numerator,
        0 as denominator,
        due.roll_status as data_status
    from due
    inner join standard on standard.school_id = due.school_id and standard.school_year = due.school_year
    union all
    select
        'teacher.post_gap' as indicator_code,
        due.school_year,
        due.school_id,
        due.division_code,
        shown.stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_roll_reported and due.approved_posts is not null as is_reported,
        school_standard.posts - coalesce(due.approved_posts, 0) as numerator,
        0 as denominator,
        due.roll_status as data_status
    from due
    inner join school_standard
        on school_standard.school_id = due.school_id and school_standard.school_year = due.school_year
    inner join {{ ref('dim_stage') }} as shown on shown.stage in ('all', due.only_stage)
    union all
    select
        'teacher.post_fill_pct' as indicator_code,
        due.school_year,
        due.school_id,
        due.division_code,
        shown.stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_staff_reported and due.approved_posts is not null as is_reported,
        coalesce(established.people, 0) as numerator,
        coalesce(due.approved_posts, 0) as denominator,
        due.staff_status as data_status
    from due
    left join established on established.school_id = due.school_id and established.school_year = due.school_year
    inner join {{ ref('dim_stage') }} as shown on shown.stage in ('all', due.only_stage)
),

class_count as (
    select
        class.school_id,
        class.school_year,
        grade.stage,
        class.grade_code,
        count(*) as classes
    from {{ ref('dim_class') }} as class
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = class.grade_code
    where class.term = 1
    group by class.school_id, class.school_year, grade.stage, class.grade_code
),

-- Classes of each grade over the classes that one teacher takes, added up and rounded up once a school and stage.
subject_need as (
    select
        due.school_id,
        due.school_year,
        taught.stage,
        norm.subject_group,
        cast(
            ceil(round(coalesce(sum(cast(class_count.classes as decimal(28, 10)) / norm.classes_per_teacher), 0), 6))
            as bigint
        ) as need
    from due
    inner join taught on taught.school_id = due.school_id and taught.school_year = due.school_year
    inner join {{ ref('subject_norm') }} as norm
        on norm.stage = taught.stage and {{ is_valid_in('norm', 'due.school_year') }}
    inner join {{ ref('dim_grade') }} as grade
        on
            grade.stage = taught.stage
            and grade.grade_in_stage between norm.grade_first and norm.grade_last
    left join class_count
        on
            class_count.school_id = due.school_id
            and class_count.school_year = due.school_year
            and class_count.stage = taught.stage
            and class_count.grade_code = grade.grade_code
    where norm.classes_per_teacher is not null
    group by due.school_id, due.school_year, taught.stage, norm.subject_group
),

subject_have as (
    select
        staff.school_id,
        staff.school_year,
        staff.teach_stage as stage,
        member.subject_group,
        count(*) as have
    from {{ ref('fct_staff_snapshot') }} as staff
    inner join {{ ref('subject_member') }} as member on member.subject_code = staff.subject_code
    where staff.is_full_time_teacher and staff.is_in_service and staff.term = 1
    group by staff.school_id, staff.school_year, staff.teach_stage, member.subject_group
),

-- Psychology is a post and not a subject of the roster; one a school.
counsellor as (
    select
        school_id,
        period as school_year,
        count(distinct person_id) as have
    from {{ ref('fct_staff_post') }}
    where is_mental_health
    group by school_id, period
),

subject as (
    select
        due.school_year,
        due.school_id,
        due.division_code,
        subject_need.stage,
        subject_need.subject_group,
        subject_need.need,
        coalesce(subject_have.have, 0) as have,
        due.is_staff_reported and due.is_class_reported as is_reported,
        case when staff.sort_order > class.sort_order then due.class_status else due.staff_status end as data_status
    from due
    inner join subject_need on subject_need.school_id = due.school_id and subject_need.school_year = due.school_year
    left join subject_have
        on
            subject_have.school_id = due.school_id
            and subject_have.school_year = due.school_year
            and subject_have.stage = subject_need.stage
            and subject_have.subject_group = subject_need.subject_group
    inner join {{ ref('data_status') }} as staff on staff.data_status = due.staff_status
    inner join {{ ref('data_status') }} as class on class.data_status = due.class_status
    union all
    select
        due.school_year,
        due.school_id,
        due.division_code,
        norm.stage,
        norm.subject_group,
        norm.teachers_per_school as need,
        coalesce(counsellor.have, 0) as have,
        due.is_post_reported as is_reported,
        due.post_status as data_status
    from due
    inner join {{ ref('subject_norm') }} as norm
        on norm.teachers_per_school is not null and {{ is_valid_in('norm', 'due.school_year') }}
    left join counsellor on counsellor.school_id = due.school_id and counsellor.school_year = due.school_year
    where exists (
        select 1
        from taught
        where
            taught.school_id = due.school_id
            and taught.school_year = due.school_year
            and taught.stage in ('primary', 'junior', 'senior', 'vocational')
    )
),

claim as (
    select * from post_claim
    {% for code, numerator, denominator in [
        ('subject_shortage', 'greatest(need - have, 0)', '0'),
        ('subject_filled_pct', 'least(need, have)', 'need'),
    ] %}
        union all
        select
            'teacher.{{ code }}' as indicator_code,
            school_year,
            school_id,
            division_code,
            stage,
            'subject' as breakdown,
            subject_group as breakdown_value,
            is_reported,
            {{ numerator }} as numerator,
            {{ denominator }} as denominator,
            data_status
        from subject
    {% endfor %}
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
    cast(round(case when is_reported then numerator end, 4) as decimal(18, 4)) as numerator,
    cast(case when is_reported then denominator end as decimal(18, 4)) as denominator,
    data_status
from claim
