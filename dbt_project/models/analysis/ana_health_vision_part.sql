-- The autumn screening, which the calendar asks for; learners of whom it cannot be said are in no share.
{% set figures = [
    ('health.low_vision_rate', 'low_vision', 'acuity_known'),
    ('health.myopia_rate', 'myopic', 'myopia_known'),
    ('health.vision_unknown', 'myopia_unknown', none)
] %}
with owed as (
    select
        school_id,
        period,
        division_code,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'vision' and term = 1
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex')
),

spread as (
    {{ learner_cuts('fct_vision_result') }}
),

counted as (
    select
        school_id,
        period,
        placed_stage as stage,
        breakdown,
        breakdown_value,
        count(has_low_vision) as acuity_known,
        count(*) filter (where has_low_vision) as low_vision,
        count(is_myopic) as myopia_known,
        count(*) filter (where is_myopic) as myopic,
        count(*) filter (where is_myopic is null) as myopia_unknown
    from spread
    group by school_id, period, placed_stage, breakdown, breakdown_value
),

taught as (
    select distinct -- a stage has several grades
        bridge.school_id,
        bridge.period,
        bridge.stage
    from {{ ref('bridge_school_stage') }} as bridge
    inner join {{ ref('dim_grade') }} as grade on grade.stage = bridge.stage
    inner join {{ ref('vision_group') }} as learner on learner.grade_code = grade.grade_code
    union
    select
        school_id,
        period,
        'all' as stage
    from owed
    union
    select
        school_id,
        period,
        stage
    from counted
),

placed as (
    select
        owed.school_id,
        owed.period,
        owed.division_code,
        owed.is_reported,
        owed.data_status,
        taught.stage,
        cut.breakdown,
        cut.breakdown_value
    from owed
    inner join taught on taught.school_id = owed.school_id and taught.period = owed.period
    cross join cut
)

{{ school_parts(figures, school_year('placed.period')) }}
