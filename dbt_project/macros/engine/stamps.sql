{#
  What a node was made from. `main.node_stamp` has one row a node and part: `inputs`, a digest of the stamps of all that
  the node read, and `stamp`, which changes with the node's own rows alone. A node whose inputs are what they were is left
  as it is; one that is made again and has the same rows keeps its stamp, so that what reads it is left too. The part '' is
  the whole table; a table with `meta.stamped_by` has a stamp for each value of that column as well, and a macro that reads
  one value's rows alone says so by `reads_part`.

  Seeds and the project's own text have no stamps: a build that finds them changed forgets all of them
  (`warehouse.transform`). What reads a source is always made again.
#}
{% macro prepare_stamps() -%}
    create table if not exists main.node_stamp (
        node varchar not null, part varchar not null, inputs varchar, stamp varchar not null
    )
{%- endmacro %}

{#- A tag, because tags of several calls add up. -#}
{% macro reads_part(table, part) -%}
    {%- do config(tags=['reads ' ~ table ~ ' of ' ~ part]) -%}
{%- endmacro %}

{#- The parts of a table that a node reads; none where it may read any row, as one that names the table itself. -#}
{% macro parts_read(node, table) -%}
    {%- set mark = 'reads ' ~ table ~ ' of ' -%}
    {%- set is_named = "'" ~ table ~ "'" in node['raw_code'] or '"' ~ table ~ '"' in node['raw_code'] -%}
    {%- set parts = [] -%}
    {%- for tag in node['tags'] if tag.startswith(mark) and not is_named -%}
        {%- do parts.append(tag[mark | length:]) -%}
    {%- endfor -%}
    {{ return(parts | unique | sort) }}
{%- endmacro %}

{#- SQL of the digest of all that a node reads: null where something of it has no stamp. None where it reads a source. -#}
{% macro inputs_sql(node) -%}
    {%- set parents = [] -%}
    {%- set kept = [] -%}
    {%- for parent in node['depends_on']['nodes'] -%}
        {%- if parent.startswith('source.') -%}
            {{ return(none) }}
        {%- elif parent.startswith('model.') -%}
            {%- do parents.append("'" ~ parent ~ "'") -%}
            {%- set parts = edu.parts_read(node, graph['nodes'][parent]['name']) -%}
            {%- if parts -%}
                {%- do kept.append("when '" ~ parent ~ "' then part in ('" ~ parts | join("', '") ~ "')") -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set is_read = "case node " ~ kept | join(' ') ~ " else part = '' end" if kept else "part = ''" -%}
    {%- set sql -%}
        select
            case
                when count(*) filter (part = '') = {{ parents | length }}
                    then md5(coalesce(string_agg(node || '/' || part || '=' || stamp, ',' order by node, part) filter ({{ is_read }}), ''))
            end as inputs
        from main.node_stamp
        where node in ({{ (parents or ["''"]) | join(', ') }})
    {%- endset -%}
    {{ return(sql) }}
{%- endmacro %}

{#- What a node would be made from, and whether it was made from that: `inputs` (none where unknown) and `is_current`. -#}
{% macro standing(node) -%}
    {%- set sql = edu.inputs_sql(node) -%}
    {%- if sql is none -%}
        {{ return({'inputs': none, 'is_current': false}) }}
    {%- endif -%}
    {%- set found = run_query(
        "select inputs, inputs in (select known.inputs from main.node_stamp as known where known.node = '" ~ node['unique_id']
        ~ "' and known.part = '') from (" ~ sql ~ ") as read"
    ).rows[0] -%}
    {{ return({'inputs': found[0], 'is_current': found[1] and not should_full_refresh()}) }}
{%- endmacro %}

{#- Statements that write a node's stamps. `stamps` is SQL of (part, stamp), the whole as part ''. -#}
{% macro write_stamps(node, inputs, stamps) -%}
    create or replace temp table new_stamp as {{ stamps }};
    delete from main.node_stamp where node = '{{ node['unique_id'] }}';
    insert into main.node_stamp
    select '{{ node['unique_id'] }}', part, {{ "'" ~ inputs ~ "'" if inputs else 'null' }}, stamp
    from new_stamp;
    drop table new_stamp;
{%- endmacro %}

{% macro part_of(column) -%}
    {{ 'cast(' ~ column ~ ' as varchar)' if column else "''" }}
{%- endmacro %}

{#- SQL of each part's number of rows and digest of them, which no order changes. -#}
{% macro content_sql(relation, column) -%}
    select
        {{ edu.part_of(column) }} as part,
        count(*) as row_count,
        {{ edu.content_digest('each') }} as content
    from {{ relation }} as each
    {{ 'group by all' if column }}
{%- endmacro %}

{#-
  SQL of the stamps of a table that was made again; `before` is what it was, none where nobody knows. A part that has the
  same rows keeps its stamp, any other has one that was never before; a table in parts has the stamp of all of theirs.
-#}
{% macro table_stamps(node, target, before) -%}
    {%- set column = node['config']['meta'].get('stamped_by') -%}
    {%- if before is none -%}
    with part_stamp as (
        select distinct {{ edu.part_of(column) }} as part, '{{ invocation_id }}' as stamp {{ 'from ' ~ target if column }}
    )
    {%- else -%}
    with made as ({{ edu.content_sql(target, column) }}),
    old as ({{ edu.content_sql(before, column) }}),
    part_stamp as (
        select
            made.part,
            case
                when made.row_count = old.row_count and made.content is not distinct from old.content
                    then coalesce(known.stamp, '{{ invocation_id }}')
                else '{{ invocation_id }}'
            end as stamp
        from made
        left join old on old.part = made.part
        left join main.node_stamp as known on known.node = '{{ node['unique_id'] }}' and known.part = made.part
    )
    {%- endif %}
    select part, stamp from part_stamp
    {%- if column %}
    union all
    select '', md5(coalesce(string_agg(part || '=' || stamp, ',' order by part), '')) from part_stamp
    {%- endif -%}
{%- endmacro %}

{#- Writes the stamp of a table to which batches are appended: a batch never changes, so it is which ones there are. -#}
{% macro stamp_batches() -%}
    {%- if model['config']['materialized'] == 'incremental' -%}
        {{ edu.write_stamps(
            model, none,
            "select '' as part, md5(coalesce(string_agg(batch_id || ':' || row_count, ',' order by batch_id), '')) as stamp from ("
            ~ "select batch_id, count(*) as row_count from " ~ this ~ " group by batch_id) as batches"
        ) }}
    {%- endif -%}
{%- endmacro %}

{#-
  Whether a table to which batches are appended is loaded anew: also where it has no stamp, so that what an earlier project
  or nobody knows who appended does not stay in it. In dbt's place (`is_incremental` and its materialization ask).
-#}
{% macro should_full_refresh() -%}
    {%- set is_asked = config.get('full_refresh') -%}
    {%- if is_asked is none -%}
        {%- set is_asked = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if execute and not is_asked and model['config']['materialized'] == 'incremental' -%}
        {%- set sql = "select count(*) from main.node_stamp where node = '" ~ model['unique_id'] ~ "'" -%}
        {{ return(run_query(sql).rows[0][0] == 0) }}
    {%- endif -%}
    {{ return(is_asked) }}
{%- endmacro %}
