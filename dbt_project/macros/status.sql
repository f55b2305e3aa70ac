{# How far the units of some datasets are confirmed, one row a school and period: the least confirmed of them says it.
   Datasets of a whole school year are left to the caller, who joins them by school year. `is_by_school` says that the model
   is made by school, and only the schools that are made now are read. #}
{% macro least_status(datasets, is_by_school=false) -%}
    {%- for dataset in datasets -%}
        {%- if is_by_school -%}
            {%- do reads_own_part('unit_status', dataset) -%}
        {%- else -%}
            {%- do reads_part('unit_status', dataset) -%}
        {%- endif -%}
    {%- endfor -%}
    select
        least_confirmed.school_id,
        least_confirmed.period,
        status.data_status
    from (
        select
            school_id,
            period,
            min(status_order) as status_order
        from {{ ref('unit_status') }}
        where
            dataset in ({% for dataset in datasets %}'{{ dataset }}'{{ ', ' if not loop.last }}{% endfor %})
            {%- if is_by_school %}
            and {{ is_remade('school_id') }}
            {%- endif %}
        group by school_id, period
    ) as least_confirmed
    inner join {{ ref('data_status') }} as status on status.sort_order = least_confirmed.status_order
{%- endmacro %}
