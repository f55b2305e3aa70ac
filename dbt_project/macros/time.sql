{# Whether a record was usable by the end of the day that the build looks from (Asia/Shanghai); empty is now. #}
{% macro is_recorded(column) -%}
    {%- if var('as_of') -%}
        {{ column }} < cast('{{ var("as_of") }}' as date) + interval 1 day
    {%- else -%}
        {{ column }} is not null
    {%- endif -%}
{%- endmacro %}

{# Parts of a period such as 2024-2025/1. #}
{% macro school_year(period) -%}
    substr({{ period }}, 1, 9)
{%- endmacro %}

{% macro term_no(period) -%}
    cast(substr({{ period }}, 11, 1) as integer)
{%- endmacro %}

{# The day that a build looks from: the one asked for, else that of the newest submission, so that no clock is read. #}
{% macro as_of_date() -%}
    {%- if var('as_of') -%}
        cast('{{ var("as_of") }}' as date)
    {%- else -%}
        (select cast(max(received_at) as date) from {{ ref('col_submission') }})
    {%- endif -%}
{%- endmacro %}

{# Whether a term lies in a period: the term itself, its school year, or a fiscal year that it touches. #}
{% macro is_term_of(term_period, period) -%}
    {{ period }} in (
        {{ term_period }},
        substr({{ term_period }}, 1, 9),
        'FY' || substr({{ term_period }}, 1, 4),
        'FY' || substr({{ term_period }}, 6, 4)
    )
{%- endmacro %}
