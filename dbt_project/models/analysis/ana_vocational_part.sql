-- Ways of graduates of vocational schools and universities, cooperation with enterprises, universities by kind.
with leaver as (
    select
        outcome.school_id,
        outcome.period as school_year,
        grade.stage,
        count(*) as graduates,
        count(*) filter (where outcome.outcome_code like '1%' or outcome.outcome_code in ('20', '30')) as placed,
        count(*) filter (where outcome.outcome_code = '20') as employed,
        count(*) filter (where outcome.outcome_code = '20' and outcome.is_matched_major) as matched,
        count(*) filter (where outcome.outcome_code like '1%') as in_further_study
    from {{ ref('fct_graduate_outcome') }} as outcome
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = outcome.grade_code
    where outcome.completion_code = '1'
    group by outcome.school_id, outcome.period, grade.stage
),

graduate as (
    select
        due.school_year,
        due.school_id,
        due.division_code,
        due.stage,
        due.is_reported,
        due.data_status,
        coalesce(leaver.graduates, 0) as graduates,
        coalesce(leaver.placed, 0) as placed,
        coalesce(leaver.employed, 0) as employed,
        coalesce(leaver.matched, 0) as matched,
        coalesce(leaver.in_further_study, 0) as in_further_study
    from {{ ref('ana_graduate_due') }} as due
    left join leaver
        on
            leaver.school_id = due.school_id
            and leaver.school_year = due.school_year
            and leaver.stage = due.stage
    where due.stage in ('vocational', 'higher')
),

project as (
    select
        school_id,
        period as school_year,
        count(*) as projects,
        sum(apprentices) as apprentices
    from {{ ref('fct_vocational_cooperation') }}
    group by school_id, period
),

cooperation as (
    select
        school.school_year,
        school.school_id,
        school.division_code,
        taught.stage,
        sent.dataset is not null as is_reported,
        coalesce(sent.data_status, 'missing') as data_status,
        coalesce(project.projects, 0) as projects,
        coalesce(project.apprentices, 0) as apprentices
    from {{ ref('dim_school') }} as school
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = school.school_id and taught.period = school.period
    left join {{ ref('unit_sent') }} as sent
        on
            sent.dataset = 'vocational_cooperation'
            and sent.school_id = school.school_id
            and sent.period = school.school_year
    left join project on project.school_id = school.school_id and project.school_year = school.school_year
    where school.term = 1 and taught.stage in ('vocational', 'higher')
),

university as (
    select
        school.school_year,
        school.school_id,
        school.division_code,
        'higher' as stage,
        school.school_kind_code,
        due.is_reported,
        due.data_status,
        coalesce(sum(learner.pupils), 0) as students
    from {{ ref('dim_school') }} as school
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = school.school_id and taught.period = school.period and taught.stage = 'higher'
    inner join {{ ref('unit_expected') }} as due
        on due.dataset = 'student' and due.school_id = school.school_id and due.period = school.period
    left join {{ ref('ana_learner_count') }} as learner
        on
            learner.school_id = school.school_id
            and learner.school_year = school.school_year
            and learner.stage = 'higher'
    where school.term = 1
    group by
        school.school_year, school.school_id, school.division_code, school.school_kind_code, due.is_reported,
        due.data_status
),

claim as (
    {% for code, source, numerator, denominator, breakdown, value in [
        ('employment_rate', 'graduate', 'placed', 'graduates', "'all'", "'all'"),
        ('matched_rate', 'graduate', 'matched', 'employed', "'all'", "'all'"),
        ('further_study_rate', 'graduate', 'in_further_study', 'graduates', "'all'", "'all'"),
        ('cooperation_projects', 'cooperation', 'projects', 'null', "'all'", "'all'"),
        ('apprentices', 'cooperation', 'apprentices', 'null', "'all'", "'all'"),
        ('university_students', 'university', 'students', 'null', "'school_kind'", 'school_kind_code'),
    ] %}
        select
            'vocational.{{ code }}' as indicator_code,
            school_year,
            school_id,
            division_code,
            stage,
            {{ breakdown }} as breakdown,
            {{ value }} as breakdown_value,
            is_reported,
            cast({{ numerator }} as decimal(18, 4)) as numerator,
            cast({{ denominator }} as decimal(18, 4)) as denominator,
            data_status
        from {{ source }}
        {{ 'union all' if not loop.last }}
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
    case when is_reported then numerator end as numerator,
    case when is_reported then denominator end as denominator,
    data_status
from claim
