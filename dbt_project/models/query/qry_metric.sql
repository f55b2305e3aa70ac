-- Made from the registry of metrics (vars of dbt_project.yml): autumn term, county by stage; value = multiplier x
-- numerator / denominator, so that any sum of rows is divided again and shares are never averaged.
{% for m in var('metrics') if m.metric is defined %}
    select
        '{{ m.metric }}' as metric,
        '{{ m.name }}' as metric_name,
        '{{ m.unit }}' as unit,
        '{{ m.counts }}' as counts,
        school_year,
        division_code,
        division_name,
        stage,
        stage_name,
        cast(sum({{ m.numerator }}) as bigint) as numerator,
        {% if m.denominator -%}
            cast(sum({{ m.denominator }}) as bigint) as denominator,
        {%- else -%}
            cast(null as bigint) as denominator,
        {%- endif %}
        {{ m.multiplier or 1 }} as multiplier
    from {{ ref(m.relation) }}
    where term = 1 and ({{ m.filter or 'true' }})
    group by school_year, division_code, division_name, stage, stage_name
    {{ 'union all' if not loop.last }}
{% endfor %}
