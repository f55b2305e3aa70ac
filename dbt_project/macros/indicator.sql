{# First year of a rule against the year of a period: rules are dated by day, periods count from their first day of the
   school year, or 1 January. #}
{% macro is_valid_in(rule, period) -%}
    {{ period_year(period) }} >= extract(year from {{ rule }}.valid_from)
    and {{ period_year(period) }} <= coalesce(extract(year from {{ rule }}.valid_to), 9999)
{%- endmacro %}

{# Whether a row of learners (sex_code, is_migrant, is_left_behind, is_disabled) belongs to a cut of the seed
   indicator_breakdown. #}
{% macro is_in_cut(cut, learner) -%}
    (
        {{ cut }}.breakdown = 'all'
        or ({{ cut }}.breakdown = 'sex' and {{ cut }}.breakdown_value = {{ learner }}.sex_code)
        or (
            {{ cut }}.breakdown = 'support'
            and case {{ cut }}.breakdown_value
                when 'migrant' then {{ learner }}.is_migrant
                when 'left_behind' then {{ learner }}.is_left_behind
                when 'disabled' then {{ learner }}.is_disabled
            end
        )
    )
{%- endmacro %}

{# Completed years on 31 August of the year in which a school year begins (the day that population counts by). #}
{% macro school_age(birth_date, school_year) -%}
    {{ period_year(school_year) }} - extract(year from {{ birth_date }})
    - case when extract(month from {{ birth_date }}) > 8 then 1 else 0 end
{%- endmacro %}
