{# Every learner once in each group that he or she was counted in, by category; the categories of a group leave nobody
   out, so that they add up to those who were counted. Rows: school_year, category_group, school_id, stage, category. #}
{% macro health_rows() -%}
    select
        period as school_year,
        'fitness_level' as category_group,
        school_id,
        grade_code,
        reported_level_code as category
    from {{ ref('fct_fitness') }}
    where reported_level_code is not null and not coalesce(is_exempt, false)
    union all
    select
        school_year,
        'vision' as category_group,
        school_id,
        grade_code,
        -- GB/T 11533: five-point record; below 5.0 of either naked eye is poor sight.
        case when least(naked_left, naked_right) < 5.0 then 'poor' else 'normal' end as category
    from {{ ref('fct_vision') }}
    where term = 1 and naked_left is not null and naked_right is not null
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
