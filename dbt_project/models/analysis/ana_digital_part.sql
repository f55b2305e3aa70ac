{{ config(materialized='view') }}
{% set parts = ['campus', 'usage'] %}
{% for part in parts %}
    select
        indicator_code,
        period,
        area_id,
        division_code,
        school_id,
        stage,
        breakdown,
        breakdown_value,
        numerator,
        denominator,
        data_status
    from {{ ref('ana_digital_' ~ part ~ '_part') }}
    {{ 'union all' if not loop.last }}
{% endfor %}
