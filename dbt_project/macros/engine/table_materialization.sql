{#
  A table is replaced in one transaction: a reader or a run that is killed finds the old one or the new one. The adapter's
  own way builds under another name, renames twice and drops after the commit, which here costs more than most models and
  leaves backups behind where a run is killed.
#}
{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        {% if existing is not none %}drop {{ existing.type }} if exists {{ existing }} cascade;{% endif %}
        {{ create_table_as(False, target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
