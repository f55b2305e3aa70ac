-- The stages that an institution teaches by its kind, whether or not it reported pupils.
with kind as (
    {% for stage in ['preschool', 'primary', 'junior', 'senior', 'vocational', 'special', 'higher'] -%}
        select
            school_kind_code,
            '{{ stage }}' as stage
        from {{ ref('school_kind') }}
        where has_{{ stage }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    school.school_id,
    school.period,
    school.school_year,
    school.term,
    kind.stage
from {{ ref('dim_school') }} as school
inner join kind on kind.school_kind_code = school.school_kind_code
