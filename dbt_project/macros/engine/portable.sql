{# Constructs that differ between engines; each has one home here. #}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'edu')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    md5(concat_ws('|', {% for c in columns %}coalesce(cast({{ c }} as varchar), ''){{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}

{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between', 'edu')(first, last)) }}
{%- endmacro %}

{% macro default__days_between(first, last) -%}
    datediff('day', cast({{ first }} as date), cast({{ last }} as date))
{%- endmacro %}

{# SHA-256 of a text, in hexadecimal. #}
{% macro text_hash(text) -%}
    {{ return(adapter.dispatch('text_hash', 'edu')(text)) }}
{%- endmacro %}

{% macro default__text_hash(text) -%}
    sha256({{ text }})
{%- endmacro %}

{# The texts of a group in a given order, with commas between. #}
{% macro ordered_text(text, ordering) -%}
    {{ return(adapter.dispatch('ordered_text', 'edu')(text, ordering)) }}
{%- endmacro %}

{% macro default__ordered_text(text, ordering) -%}
    string_agg({{ text }}, ',' order by {{ ordering }})
{%- endmacro %}
