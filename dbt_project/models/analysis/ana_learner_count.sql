-- Enrolled learners at 1 September, counted once for all indicators that ask by age, sex or group.
with learner as (
    select
        person_id,
        school_id,
        school_year,
        stage,
        grade_code,
        cast(coalesce({{ school_age('birth_date', 'school_year') }}, -1) as integer) as age,
        coalesce(sex_code, '0') as sex_code,
        coalesce(is_migrant, false) as is_migrant,
        coalesce(left_behind_code in ('1', '2'), false) as is_left_behind,
        disability_code is not null as is_disabled
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
),

before as (
    select distinct -- one grade may be reported by two schools
        person_id,
        grade_code,
        {{ period_year('school_year') }} as first_year
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
)

select
    learner.school_id,
    learner.school_year,
    learner.stage,
    learner.grade_code,
    learner.age,
    learner.sex_code,
    learner.is_migrant,
    learner.is_left_behind,
    learner.is_disabled,
    before.person_id is not null as is_repeater,
    count(*) as pupils
from learner
left join before
    on
        before.person_id = learner.person_id
        and before.grade_code = learner.grade_code
        and before.first_year = {{ period_year('learner.school_year') }} - 1
group by
    learner.school_id, learner.school_year, learner.stage, learner.grade_code, learner.age, learner.sex_code,
    learner.is_migrant, learner.is_left_behind, learner.is_disabled, before.person_id is not null
