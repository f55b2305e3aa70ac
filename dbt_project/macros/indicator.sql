{# First year of a rule against the year of a period: rules are dated by day, periods count from their first day of the
   school year, or 1 January. #}
{% macro is_valid_in(rule, period) -%}
    {{ period_year(period) }} >= extract(year from {{ rule }}.valid_from)
    and {{ period_year(period) }} <= coalesce(extract(year from {{ rule }}.valid_to), 9999)
{%- endmacro %}
