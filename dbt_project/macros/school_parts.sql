{#
  Parts of one topic from the CTEs `placed` (school_id, period, division_code, stage, breakdown, breakdown_value,
  is_reported, data_status) and `counted` (the same keys and one column a figure). Each figure is (code, numerator,
  denominator or none). A school that reported and has no such learner counts nothing; one that did not report is null.
#}
{% macro school_parts(figures, period='placed.period') -%}
    {% for code, numerator, denominator in figures %}
    select
        '{{ code }}' as indicator_code,
        {{ period }} as period,
        placed.school_id as area_id,
        placed.division_code,
        placed.school_id,
        placed.stage,
        placed.breakdown,
        placed.breakdown_value,
        cast(case when placed.is_reported then coalesce(counted.{{ numerator }}, 0) end as decimal(18, 4)) as numerator,
        {% if denominator -%}
        cast(case when placed.is_reported then coalesce(counted.{{ denominator }}, 0) end as decimal(18, 4))
        {%- else -%}
        cast(null as decimal(18, 4))
        {%- endif %} as denominator,
        placed.data_status
    from placed
    left join counted
        on
            counted.school_id = placed.school_id
            and counted.period = placed.period
            and counted.stage = placed.stage
            and counted.breakdown = placed.breakdown
            and counted.breakdown_value = placed.breakdown_value
    {{ 'union all' if not loop.last }}
    {% endfor %}
{%- endmacro %}
