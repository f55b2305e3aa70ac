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

{# A number of some values: rows that have the same values have the same number, others hardly ever. #}
{% macro key_hash(values) -%}
    {{ return(adapter.dispatch('key_hash', 'edu')(values)) }}
{%- endmacro %}

{% macro default__key_hash(values) -%}
    hash({{ values | join(', ') }})
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

{# One number over the rows of a relation that is named `relation_alias`, which no order of them changes. #}
{% macro content_digest(relation_alias) -%}
    {{ return(adapter.dispatch('content_digest', 'edu')(relation_alias)) }}
{%- endmacro %}

{# Hashed twice: a sum of single hashes could miss that two rows have changed a value for each other. #}
{% macro default__content_digest(relation_alias) -%}
    sum(hash(hash({{ relation_alias }})))
{%- endmacro %}

{# Connected components of an undirected graph: `edges` names a relation (left_key, right_key); gives node and
   component, the least key that the node is joined with. Each round costs one pass over what changed in the last. #}
{% macro connected_components(edges) -%}
    {{ return(adapter.dispatch('connected_components', 'edu')(edges)) }}
{%- endmacro %}

{% macro default__connected_components(edges) -%}
    with recursive both_ways as (
        select left_key, right_key from {{ edges }} where left_key <> right_key
        union
        select right_key, left_key from {{ edges }} where left_key <> right_key
    ),

    label (node, component) using key (node) as (
        select left_key, least(left_key, min(right_key))
        from both_ways
        group by left_key
        union
        select both_ways.left_key, min(label.component)
        from label
        inner join both_ways on both_ways.right_key = label.node
        inner join recurring.label as known on known.node = both_ways.left_key
        where label.component < known.component
        group by both_ways.left_key
    )

    select node, component from label
{%- endmacro %}
