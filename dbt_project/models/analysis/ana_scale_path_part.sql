-- Ways from one stage to the next: entrants, graduates' further study, learners who dropped out.
with due as (
    select
        school_id,
        division_code,
        school_year,
        term,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'student'
),

school_year as (
    select
        school_year,
        max(term) as last_term
    from {{ ref('dim_school') }}
    group by school_year
),

taught as (
    select
        school_id,
        school_year,
        term,
        stage
    from {{ ref('bridge_school_stage') }}
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex', 'support')
),

entrant as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage,
        sum(learner.pupils) as entrants
    from {{ ref('ana_learner_count') }} as learner
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = learner.grade_code
    where grade.grade_in_stage = 1 and not learner.is_repeater
    group by learner.school_id, learner.school_year, learner.stage
),

-- Enrolled on 1 September, one row a person, school and stage, with what became of the person in the school year.
learner as (
    select
        pupil.person_id,
        pupil.school_id,
        pupil.school_year,
        pupil.stage,
        coalesce(pupil.sex_code, '0') as sex_code,
        coalesce(pupil.is_migrant, false) as is_migrant,
        coalesce(pupil.left_behind_code in ('1', '2'), false) as is_left_behind,
        pupil.disability_code is not null as is_disabled
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    where pupil.is_enrolled and pupil.term = 1
),

dropped as (
    select
        event.person_id,
        {{ school_year('event.period') }} as school_year
    from {{ ref('fct_student_event') }} as event
    inner join {{ ref('dropout_evidence') }} as evidence
        on
            evidence.code_set = 'XJYDLB'
            and evidence.code = event.event_kind_code
            and evidence.valid_from <= event.event_date
    where event.is_approved
    union
    select
        pupil.person_id,
        pupil.school_year
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dropout_evidence') }} as evidence
        on
            evidence.code_set = 'XSDQZT'
            and evidence.code = pupil.status_code
            and evidence.valid_from <= pupil.snapshot_date
    where pupil.term = 2
),

back_at_school as (
    select distinct -- two schools may enrol one person
        person_id,
        school_year
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 2
),

dropout as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage,
        cut.breakdown,
        cut.breakdown_value,
        count(*) as learners,
        count(*) filter (where dropped.person_id is not null and back_at_school.person_id is null) as dropouts
    from learner
    inner join cut on {{ is_in_cut('cut', 'learner') }}
    left join dropped on dropped.person_id = learner.person_id and dropped.school_year = learner.school_year
    left join back_at_school
        on back_at_school.person_id = learner.person_id and back_at_school.school_year = learner.school_year
    group by learner.school_id, learner.school_year, learner.stage, cut.breakdown, cut.breakdown_value
),

-- Groups of a graduate are those of the roll on 1 September before.
leaver as (
    select
        outcome.school_id,
        outcome.period as school_year,
        grade.stage,
        outcome.outcome_code like '1%' as is_in_further_study,
        coalesce(outcome.sex_code, '0') as sex_code,
        coalesce(bool_or(learner.is_migrant), false) as is_migrant,
        coalesce(bool_or(learner.is_left_behind), false) as is_left_behind,
        coalesce(bool_or(learner.is_disabled), false) as is_disabled
    from {{ ref('fct_graduate_outcome') }} as outcome
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = outcome.grade_code
    left join learner
        on
            learner.person_id = outcome.person_id
            and learner.school_id = outcome.school_id
            and learner.school_year = outcome.period
    where outcome.completion_code = '1'
    group by
        outcome.school_id, outcome.period, outcome.row_key, grade.stage, outcome.outcome_code, outcome.sex_code
),

graduate as (
    select
        leaver.school_id,
        leaver.school_year,
        leaver.stage,
        cut.breakdown,
        cut.breakdown_value,
        count(*) as graduates,
        count(*) filter (where leaver.is_in_further_study) as in_further_study
    from leaver
    inner join cut on {{ is_in_cut('cut', 'leaver') }}
    group by leaver.school_id, leaver.school_year, leaver.stage, cut.breakdown, cut.breakdown_value
),

-- Entrants of general senior schools to entrants of vocational ones.
senior_claim as (
    select
        'scale.senior_vocational_ratio' as indicator_code,
        due.school_year as period,
        due.school_id,
        due.division_code,
        'upper_secondary' as stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_reported,
        case when taught.stage = 'senior' then coalesce(entrant.entrants, 0) else 0 end as numerator,
        case when taught.stage = 'vocational' then coalesce(entrant.entrants, 0) else 0 end as denominator,
        due.data_status
    from due
    inner join taught
        on
            taught.school_id = due.school_id
            and taught.school_year = due.school_year
            and taught.term = 1
            and taught.stage in ('senior', 'vocational')
    left join entrant
        on
            entrant.school_id = due.school_id
            and entrant.school_year = due.school_year
            and entrant.stage = taught.stage
    where due.term = 1
),

-- Entrants of the next level in the next school year to graduates of this one.
next_level_claim as (
    select
        'scale.promotion_rate' as indicator_code,
        due.school_year as period,
        due.school_id,
        due.division_code,
        'junior' as stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_reported and next_year.school_year is not null as is_reported,
        0 as numerator,
        coalesce(graduate.graduates, 0) as denominator,
        due.data_status
    from {{ ref('ana_graduate_due') }} as due
    left join school_year as next_year on next_year.school_year = {{ shifted_year('due.school_year', 1) }}
    left join graduate
        on
            graduate.school_id = due.school_id
            and graduate.school_year = due.school_year
            and graduate.stage = 'junior'
            and graduate.breakdown = 'all'
    where due.stage = 'junior'
    union all
    select
        'scale.promotion_rate' as indicator_code,
        {{ shifted_year('due.school_year', -1) }} as period,
        due.school_id,
        due.division_code,
        'junior' as stage,
        'all' as breakdown,
        'all' as breakdown_value,
        due.is_reported,
        coalesce(entrant.entrants, 0) as numerator,
        0 as denominator,
        due.data_status
    from due
    inner join taught
        on
            taught.school_id = due.school_id
            and taught.school_year = due.school_year
            and taught.term = 1
            and taught.stage in ('senior', 'vocational')
    inner join school_year as last_year on last_year.school_year = {{ shifted_year('due.school_year', -1) }}
    left join entrant
        on
            entrant.school_id = due.school_id
            and entrant.school_year = due.school_year
            and entrant.stage = taught.stage
    where due.term = 1
),

further_study_claim as (
    select
        'scale.graduate_progression_rate' as indicator_code,
        due.school_year as period,
        due.school_id,
        due.division_code,
        due.stage,
        cut.breakdown,
        cut.breakdown_value,
        due.is_reported,
        coalesce(graduate.in_further_study, 0) as numerator,
        coalesce(graduate.graduates, 0) as denominator,
        due.data_status
    from {{ ref('ana_graduate_due') }} as due
    cross join cut
    left join graduate
        on
            graduate.school_id = due.school_id
            and graduate.school_year = due.school_year
            and graduate.stage = due.stage
            and graduate.breakdown = cut.breakdown
            and graduate.breakdown_value = cut.breakdown_value
    where due.stage in ('junior', 'senior')
),

-- Whether a learner was still there is known when the roll of the second term has come.
dropout_claim as (
    select
        'scale.dropout_rate' as indicator_code,
        due.school_year as period,
        due.school_id,
        due.division_code,
        taught.stage,
        cut.breakdown,
        cut.breakdown_value,
        due.is_reported and school_year.last_term = 2 as is_reported,
        case when due.term = 1 then coalesce(dropout.dropouts, 0) else 0 end as numerator,
        case when due.term = 1 then coalesce(dropout.learners, 0) else 0 end as denominator,
        due.data_status
    from due
    inner join school_year on school_year.school_year = due.school_year
    inner join taught
        on
            taught.school_id = due.school_id
            and taught.school_year = due.school_year
            and taught.term = due.term
            and taught.stage in ('primary', 'junior', 'senior', 'vocational')
    cross join cut
    left join dropout
        on
            dropout.school_id = due.school_id
            and dropout.school_year = due.school_year
            and dropout.stage = taught.stage
            and dropout.breakdown = cut.breakdown
            and dropout.breakdown_value = cut.breakdown_value
),

claim as (
    select * from senior_claim
    union all
    select * from next_level_claim
    union all
    select * from further_study_claim
    union all
    select * from dropout_claim
)

{{ parts_of_claims('claim') }}
