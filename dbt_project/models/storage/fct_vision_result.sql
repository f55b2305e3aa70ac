-- WS/T 663: an eye is myopic with naked distant vision below 5.0 and a spherical equivalent (sphere + cylinder / 2)
-- below -0.50 D. One failing condition that is known is enough to say that it is not.
with measured as (
    select
        seen.school_id,
        seen.period,
        seen.school_year,
        seen.term,
        seen.row_key,
        seen.person_id,
        seen.sex_code,
        seen.grade_code,
        grade.stage,
        learner.learner_group,
        {{ period_year('seen.period') }} - learner.years_since_primary_entry as primary_entry_year,
        seen.naked_left,
        seen.naked_right,
        seen.sphere_left + seen.cylinder_left * 0.5 as equivalent_left,
        seen.sphere_right + seen.cylinder_right * 0.5 as equivalent_right,
        coalesce(seen.wears_ok_lens, false) as wears_ok_lens,
        bound.naked_limit,
        bound.dioptre_limit
    from {{ ref('fct_vision') }} as seen
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = seen.grade_code
    inner join {{ ref('vision_group') }} as learner on learner.grade_code = seen.grade_code
    inner join {{ ref('vision_limit') }} as bound on {{ is_valid_in('bound', 'seen.period') }}
),

judged as (
    select
        *,
    {% for eye in ['left', 'right'] -%}
        case
            when naked_{{ eye }} >= naked_limit or equivalent_{{ eye }} >= dioptre_limit then false
            when naked_{{ eye }} < naked_limit and equivalent_{{ eye }} < dioptre_limit then true
        end as is_myopic_{{ eye }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from measured
)

select
    school_id,
    period,
    school_year,
    term,
    row_key,
    person_id,
    sex_code,
    grade_code,
    stage,
    learner_group,
    primary_entry_year,
    case
        when naked_left < naked_limit or naked_right < naked_limit then true
        when naked_left >= naked_limit and naked_right >= naked_limit then false
    end as has_low_vision,
    case
        when wears_ok_lens or is_myopic_left or is_myopic_right then true
        when not is_myopic_left and not is_myopic_right then false
    end as is_myopic
from judged
