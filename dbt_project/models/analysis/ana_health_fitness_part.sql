-- Exempt learners are in no figure of the standard, neither above nor below; learners without a computed total are not
-- in its shares. They are counted on their own.
{% set figures = [
    ('health.fitness_excellent_rate', 'excellent', 'totalled'),
    ('health.fitness_good_rate', 'good', 'totalled'),
    ('health.fitness_pass_rate', 'passed', 'totalled'),
    ('health.fitness_tested_rate', 'totalled', 'liable'),
    ('health.fitness_exempt_rate', 'exempt', 'reported'),
    ('health.fitness_total_different', 'differing', none),
    ('health.fitness_incomplete', 'incomplete', none),
    ('health.bmi_normal_rate', 'bmi_normal', 'bmi_classed'),
    ('health.bmi_low_rate', 'bmi_low', 'bmi_classed'),
    ('health.bmi_above_rate', 'bmi_above', 'bmi_classed'),
    ('health.bmi_obese_rate', 'bmi_obese', 'bmi_obese_classed')
] %}
with owed as (
    select
        school_id,
        period,
        division_code,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'fitness'
),

-- The sexes in one place, so that a school that did not report is missing from their shares too.
cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex')
),

spread as (
    {{ learner_cuts('fct_fitness_score') }}
),

counted as (
    select
        school_id,
        period,
        placed_stage as stage,
        breakdown,
        breakdown_value,
        count(*) as reported,
        count(*) filter (where is_exempt) as exempt,
        count(*) filter (where not is_exempt) as liable,
        count(total_score) as totalled,
        count(*) filter (where level_code = '1') as excellent,
        count(*) filter (where is_good) as good,
        count(*) filter (where level_code in ('1', '2', '3')) as passed,
        count(*) filter (where is_total_different) as differing,
        count(*) filter (where not is_exempt and items_missing > 0) as incomplete,
        count(bmi_class) as bmi_classed,
        count(*) filter (where bmi_class = 'normal') as bmi_normal,
        count(*) filter (where bmi_class = 'low') as bmi_low,
        count(*) filter (where bmi_class in ('above', 'overweight', 'obese')) as bmi_above,
        count(*) filter (where bmi_class = 'obese') as bmi_obese,
        count(*) filter (where bmi_class in ('low', 'normal', 'overweight', 'obese') and sex_code = '1')
            as bmi_obese_classed
    from spread
    group by school_id, period, placed_stage, breakdown, breakdown_value
),

taught as (
    select distinct -- a stage has several grades
        bridge.school_id,
        bridge.school_year,
        bridge.stage
    from {{ ref('bridge_school_stage') }} as bridge
    inner join {{ ref('dim_grade') }} as grade on grade.stage = bridge.stage
    inner join {{ ref('fitness_grade_band') }} as band on band.grade_code = grade.grade_code
    where bridge.term = 1
    union
    select
        school_id,
        period as school_year,
        'all' as stage
    from owed
    union
    select
        school_id,
        period as school_year,
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
    inner join taught on taught.school_id = owed.school_id and taught.school_year = owed.period
    cross join cut
)

{{ school_parts(figures) }}
