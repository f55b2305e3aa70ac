{# Rows of schools (school_id, division_code) at each level that they count for: `area_level` and `area_id` are added. The
   county is the division in which a school lies, the city that division's parent. #}
{% macro at_levels(relation, levels=['school', 'county', 'city']) -%}
    {%- for level in levels %}
    select
        {{ relation }}.*,
        '{{ level }}' as area_level,
        {% if level == 'school' -%}
        {{ relation }}.school_id as area_id
        {%- elif level == 'county' -%}
        {{ relation }}.division_code as area_id
        {%- else -%}
        division.parent_code as area_id
        {%- endif %}
    from {{ relation }}
    {%- if level == 'city' %}
    inner join {{ ref('dim_division') }} as division
        on division.division_code = {{ relation }}.division_code and division.is_current
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
