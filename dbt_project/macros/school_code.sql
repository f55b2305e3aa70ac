{#
  The code that a school has in each span of time, for every code that it ever had: one row a code and span, of the seed
  school_code_change. Days are text, so that a period gives one without a cast.
#}
{% macro school_code_span() -%}
    select
        member.school_code,
        span.school_code as code_then,
        span.valid_from,
        span.valid_to
    from (
        select
            first_school_code,
            school_code
        from {{ ref('school_code_change') }}
        union
        select
            first_school_code,
            first_school_code
        from {{ ref('school_code_change') }}
    ) as member
    inner join (
        select
            first_school_code,
            school_code,
            valid_from,
            coalesce(
                lead(valid_from) over (partition by first_school_code order by valid_from, school_code), '9999-12-31'
            ) as valid_to
        from (
            select
                first_school_code,
                school_code,
                cast(changed_on as varchar) as valid_from
            from {{ ref('school_code_change') }}
            union
            select
                first_school_code,
                first_school_code,
                '0001-01-01'
            from {{ ref('school_code_change') }}
        ) as code
    ) as span
        on span.first_school_code = member.first_school_code
{%- endmacro %}

{#
  Joins, as `span`, the code that the school of `code` has in a period: a school whose code changes within a year owns one
  unit of it, whichever of its codes a file names.
#}
{% macro join_code_then(span, code, period) -%}
    left join ({{ school_code_span() }}) as {{ span }}
        on
            {{ span }}.school_code = {{ code }}
            and {{ span }}.valid_from <= {{ period_day(period) }}
            and {{ span }}.valid_to > {{ period_day(period) }}
{%- endmacro %}

{# First day of a period of any kind, as text: 1 September, of a second term 1 March, a day itself. #}
{% macro period_day(period) -%}
    case
        when {{ period }} like '____-__-__' then {{ period }}
        when {{ period }} like '%/2' then substr({{ period }}, 6, 4) || '-03-01'
        else substr(replace({{ period }}, 'FY', ''), 1, 4) || '-09-01'
    end
{%- endmacro %}
