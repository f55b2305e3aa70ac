-- Retention follows a cohort through years that the data may not have: then the part is not reported, never estimated.
with due as (
    select
        school_id,
        division_code,
        school_year,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'student' and term = 1
),

school_year as (
    select distinct school_year -- of every registered school
    from {{ ref('dim_school') }}
    where term = 1
),

taught as (
    select
        school_id,
        school_year,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex')
),

first_grade as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage,
        cut.breakdown,
        cut.breakdown_value,
        sum(learner.pupils) as pupils,
        coalesce(sum(learner.pupils) filter (where not learner.is_repeater), 0) as entrants
    from {{ ref('ana_learner_count') }} as learner
    inner join {{ ref('dim_grade') }} as grade
        on grade.grade_code = learner.grade_code and grade.grade_in_stage = 1
    inner join cut on {{ is_in_cut('cut', 'learner') }}
    group by learner.school_id, learner.school_year, learner.stage, cut.breakdown, cut.breakdown_value
),

graduate as (
    select
        outcome.school_id,
        outcome.period as school_year,
        cut.breakdown,
        cut.breakdown_value,
        count(*) as graduates
    from {{ ref('fct_graduate_outcome') }} as outcome
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = outcome.grade_code
    inner join cut on cut.breakdown = 'all' or (cut.breakdown = 'sex' and cut.breakdown_value = outcome.sex_code)
    where outcome.completion_code = '1' and grade.stage = 'junior'
    group by outcome.school_id, outcome.period, cut.breakdown, cut.breakdown_value
),

-- The junior cohort that a person graduates with: the last one, should a grade have been repeated.
cohort as (
    select
        pupil.person_id,
        max({{ period_year('pupil.school_year') }} - grade.grade_in_stage + 1) as entry_year
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = pupil.grade_code
    where grade.stage = 'junior' and pupil.term = 1
    group by pupil.person_id
),

moved as (
    select
        event.school_id,
        cast(cohort.entry_year + 2 as varchar) || '-' || cast(cohort.entry_year + 3 as varchar) as school_year,
        count(*) filter (where event.event_kind_code = '22') as moved_in,
        count(*) filter (where event.event_kind_code = '21') as moved_out,
        count(*) filter (where event.event_kind_code = '51') as died
    from {{ ref('fct_student_event') }} as event
    inner join cohort on cohort.person_id = event.person_id
    where
        event.is_approved
        and event.event_kind_code in ('21', '22', '51')
        -- From the first day of the first school year to the last of the third.
        and event.event_date >= make_date(cast(cohort.entry_year as integer), 9, 1)
        and event.event_date < make_date(cast(cohort.entry_year + 3 as integer), 9, 1)
    group by event.school_id, cohort.entry_year
),

{% set paths = [
    ('scale.retention_nine_year', 'compulsory', 'primary', 8, 'entrants'),
    ('scale.retention_three_year', 'junior', 'junior', 2, 'pupils'),
] %}
claim as (
    {% for code, stage, first_stage, years, measure in paths %}
        -- Graduates of this year; without the year of entry in the data nothing can be said.
        select
            '{{ code }}' as indicator_code,
            due.school_year as period,
            due.school_id,
            due.division_code,
            '{{ stage }}' as stage,
            cut.breakdown,
            cut.breakdown_value,
            due.is_reported and entry.school_year is not null as is_reported,
            {% if years == 2 %}
                coalesce(graduate.graduates, 0) - coalesce(moved.moved_in, 0) + coalesce(moved.moved_out, 0)
            {% else %}
                coalesce(graduate.graduates, 0)
            {% endif %}
                as numerator,
            {{ '-coalesce(moved.died, 0)' if years == 2 else '0' }} as denominator,
            due.data_status
        from {{ ref('ana_graduate_due') }} as due
        inner join cut on cut.breakdown = 'all'{{ " or cut.breakdown = 'sex'" if years == 8 }}
        left join school_year as entry
            on entry.school_year = {{ shifted_year('due.school_year', -years) }}
        left join graduate
            on
                graduate.school_id = due.school_id
                and graduate.school_year = due.school_year
                and graduate.breakdown = cut.breakdown
                and graduate.breakdown_value = cut.breakdown_value
        {% if years == 2 %}
            left join moved on moved.school_id = due.school_id and moved.school_year = due.school_year
        {% endif %}
        where due.stage = 'junior'
        union all
        select
            '{{ code }}' as indicator_code,
            {{ shifted_year('due.school_year', years) }} as period,
            due.school_id,
            due.division_code,
            '{{ stage }}' as stage,
            cut.breakdown,
            cut.breakdown_value,
            due.is_reported,
            0 as numerator,
            coalesce(first_grade.{{ measure }}, 0) as denominator,
            due.data_status
        from due
        inner join taught
            on
                taught.school_id = due.school_id
                and taught.school_year = due.school_year
                and taught.stage = '{{ first_stage }}'
        inner join school_year as leaving
            on leaving.school_year = {{ shifted_year('due.school_year', years) }}
        inner join cut on cut.breakdown = 'all'{{ " or cut.breakdown = 'sex'" if years == 8 }}
        left join first_grade
            on
                first_grade.school_id = due.school_id
                and first_grade.school_year = due.school_year
                and first_grade.stage = taught.stage
                and first_grade.breakdown = cut.breakdown
                and first_grade.breakdown_value = cut.breakdown_value
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

{{ parts_of_claims('claim') }}
