{# A layer is a schema: the name given is the name used, whatever the target. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name if custom_schema_name else target.schema }}
{%- endmacro %}

{# dbt needs unique model names; tables read without the layer's prefix. #}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%}
        {{ custom_alias_name }}
    {%- elif node.name[:4] in ['col_', 'mgt_', 'ana_', 'qry_', 'viz_'] -%}
        {{ node.name[4:] }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{%- endmacro %}
