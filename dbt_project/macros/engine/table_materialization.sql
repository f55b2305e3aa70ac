{#
  A table is replaced in one transaction, with its stamp: a reader or a run that is killed finds the old one or the new
  one. The adapter's own way builds under another name, renames twice and drops after the commit, which here costs more
  than most models and leaves backups behind where a run is killed. A table whose inputs did not change is left as it is;
  of one that is made by parts, those parts are made again whose inputs did.
#}
{% materialization table, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set standing = edu.standing(model) -%}
    {%- if existing is not none and standing.is_current -%}
        {%- call statement('main') -%} select 'unchanged' {%- endcall -%}
        {{ return({'relations': [target]}) }}
    {%- endif -%}
    {%- set is_compared = existing is not none and existing.is_table and not should_full_refresh() -%}
    {%- set before = target.incorporate(path={'identifier': this.identifier ~ '__before'}) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if is_compared and edu.keeps_most_parts(model, standing) -%}
        {%- set is_remade = edu.is_remade(model['config']['meta']['made_by']) -%}
        {% call statement('main') -%}
            insert into main.kept_part {{ edu.kept_parts_sql(model, standing) }};
            create or replace temp table part_before as select * from {{ target }} where {{ is_remade }};
            delete from {{ target }} where {{ is_remade }};
            insert into {{ target }} by name ({{ compiled_code }}
            );
        {%- endcall %}
        {% call statement('stamp') -%}
            {{ edu.write_stamps(model, standing, edu.table_stamps(
                model, '(select * from ' ~ target ~ ' where ' ~ is_remade ~ ')', 'part_before', is_partly_kept=true
            )) }}
            delete from main.kept_part;
            drop table part_before;
        {%- endcall %}
    {%- else -%}
        {% call statement('main') -%}
            {% if is_compared %}
            alter table {{ existing }} rename to {{ before.identifier }};
            {% elif existing is not none %}
            drop {{ existing.type }} if exists {{ existing }} cascade;
            {% endif %}
            {{ create_table_as(False, target, compiled_code) }}
        {%- endcall %}
        {#- Another number of rows is another content: those of a large table are not read for it. -#}
        {%- set may_be_same = is_compared and (
            edu.stamped_by(model)
            or run_query('select (select count(*) from ' ~ target ~ ') = (select count(*) from ' ~ before ~ ')').rows[0][0]
        ) -%}
        {% call statement('stamp') -%}
            {{ edu.write_stamps(model, standing, edu.table_stamps(model, target, before if may_be_same else none)) }}
            {% if is_compared %}drop table {{ before }};{% endif %}
        {%- endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
