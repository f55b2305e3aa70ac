{# Every learner once in each group that he or she was counted in, by category; the categories of a group leave nobody
   out, so that they add up to those who were counted. Rows: school_year, category_group, school_id, stage, category. #}
{% macro health_rows() -%}
    select
        period as school_year,
        'fitness_level' as category_group,
        school_id,
        grade_code,
        level_code as category
    from {{ ref('fct_fitness_score') }}
    where level_code is not null and not is_exempt
    union all
    select
        school_year,
        'vision' as category_group,
        school_id,
        grade_code,
        case when has_low_vision then 'poor' else 'normal' end as category
    from {{ ref('fct_vision_result') }}
    where term = 1 and has_low_vision is not null
    union all
    select
        school_year,
        'disability' as category_group,
        school_id,
        grade_code,
        case when disability_code is not null then 'disabled' else 'not_disabled' end as category
    from {{ ref('fct_enrolment_snapshot') }}
    where term = 1 and is_enrolled
    union all
    select
        school_year,
        'left_behind' as category_group,
        school_id,
        grade_code,
        case when left_behind_code in ('1', '2') then 'left_behind' else 'not_left_behind' end as category
    from {{ ref('fct_enrolment_snapshot') }}
    where term = 1 and is_enrolled
    union all
    select
        pupil.school_year,
        'difficulty' as category_group,
        pupil.school_id,
        pupil.grade_code,
        case when support.person_id is not null then 'in_difficulty' else 'not_in_difficulty' end as category
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    left join (
        select distinct -- several measures may be taken for one learner
            person_id,
            period
        from {{ ref('fct_student_support') }}
        where difficulty_code is not null and difficulty_code <> '3'
    ) as support on support.person_id = pupil.person_id and support.period = pupil.period
    where pupil.term = 1 and pupil.is_enrolled
{%- endmacro %}

{# Learners in the own stage and in all of them together (`placed_stage`), whole and by the own sex. #}
{% macro learner_cuts(learners) -%}
    {%- for placed_stage in ['learner.stage', "'all'"] %}
    select
        learner.*,
        {{ placed_stage }} as placed_stage,
        cut.breakdown,
        cut.breakdown_value
    from {{ ref(learners) }} as learner
    inner join {{ ref('indicator_breakdown') }} as cut
        on cut.breakdown = 'all' or (cut.breakdown = 'sex' and cut.breakdown_value = learner.sex_code)
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
