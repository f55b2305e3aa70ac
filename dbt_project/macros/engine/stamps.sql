{#
  What a node was made from. `main.node_stamp` has one row a node and part: `inputs`, a digest of the stamps of all that
  the node read, and `stamp`, which changes with the node's own rows alone. A node whose inputs are what they were is left
  as it is; one that is made again and has the same rows keeps its stamp, so that what reads it is left too. The part '' is
  the whole table; a table with `meta.stamped_by` (a list of one or two columns) has a stamp for each value of the first,
  and of both, as well, and a macro that reads one value's rows alone says so by `reads_part`.

  A model with `meta.made_by` is made a part at a time: rows of it with one value of that column come from rows of the
  same part of what it reads by `reads_own_part`, and from no other part's. It is stamped by that column, each part has
  inputs of its own, and only parts with other inputs are made again: its SQL says `is_remade` of each such table, which is
  true of all rows but those of the parts in `main.kept_part`. That table is empty but within a node's transaction.

  Seeds and the project's own text have no stamps: a build that finds them changed forgets all of them
  (`warehouse.transform`). What reads a source is always made again.
#}
{% macro prepare_stamps() -%}
    create table if not exists main.node_stamp (
        node varchar not null, part varchar not null, inputs varchar, stamp varchar not null
    );
    create table if not exists main.kept_part (part varchar not null);
    -- What something other than a build left there would keep rows that are not what they would be made.
    delete from main.kept_part;
{%- endmacro %}

{#- A tag, because tags of several calls add up. -#}
{% macro reads_part(table, part) -%}
    {%- do config(tags=['reads ' ~ table ~ ' of ' ~ part]) -%}
{%- endmacro %}

{#- Of a table (of its `part`, where it is stamped by two columns) the node's own part alone is read. -#}
{% macro reads_own_part(table, part='') -%}
    {%- do config(tags=['reads ' ~ table ~ ' by part of ' ~ part]) -%}
{%- endmacro %}

{#- What counts of a table to which batches are appended is said by another table, which the node reads too. -#}
{% macro reads_through(table, other) -%}
    {%- do config(tags=['reads ' ~ table ~ ' through ' ~ other]) -%}
{%- endmacro %}

{#- Condition that rows are of a part that is made now. -#}
{% macro is_remade(column) -%}
    {{ column }} not in (select kept.part from main.kept_part as kept)
{%- endmacro %}

{#- A table's rows of the parts that are made now; `column` is what it is stamped by. -#}
{% macro remade_rows(table, column) -%}
    {%- do edu.reads_own_part(table) -%}
    (select own.* from {{ ref(table) }} as own where {{ edu.is_remade('own.' ~ column) }})
{%- endmacro %}

{#- What the tags of a node say after a mark; nothing where the node names the table itself, as it may read any row then. -#}
{% macro told(node, table, mark) -%}
    {%- set raw = node['raw_code'].replace("remade_rows('" ~ table ~ "'", '') -%}
    {%- set values = [] -%}
    {%- if "'" ~ table ~ "'" not in raw and '"' ~ table ~ '"' not in raw -%}
        {%- set start = 'reads ' ~ table ~ ' ' ~ mark ~ ' ' -%}
        {%- for tag in node['tags'] if tag.startswith(start) -%}
            {%- do values.append(tag[start | length:]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(values | unique | sort) }}
{%- endmacro %}

{#-
  What a node reads: `parents`, and conditions on rows of `main.node_stamp`: `is_read`, that a stamp is of something that
  the node reads at all, `is_read_whole`, that it is so whatever the node's part, `is_own_part`, that it is of a part that
  only the same part of the node reads, which `own_part` then names. None where the node reads a source.
-#}
{% macro reading(node) -%}
    {%- set parents, read, whole, own, names = [], [], [], [], [] -%}
    {%- for parent in node['depends_on']['nodes'] -%}
        {%- if parent.startswith('source.') -%}
            {{ return(none) }}
        {%- elif parent.startswith('model.') -%}
            {%- set table = graph['nodes'][parent]['name'] -%}
            {%- set parts = edu.told(node, table, 'of') -%}
            {%- set own_parts = edu.told(node, table, 'by part of') -%}
            {%- do parents.append(parent) -%}
            {%- if edu.told(node, table, 'through') -%}
                {%- do read.append("when '" ~ parent ~ "' then false") -%}
                {%- do whole.append("when '" ~ parent ~ "' then false") -%}
            {%- elif parts or own_parts -%}
                {%- do read.append("when '" ~ parent ~ "' then part in ('" ~ (parts + own_parts) | join("', '") ~ "')") -%}
                {%- do whole.append("when '" ~ parent ~ "' then part in ('" ~ (parts or ['none']) | join("', '") ~ "')") -%}
            {%- endif -%}
            {%- for part in own_parts -%}
                {%- set before = part ~ '/' if part else '' -%}
                {%- set is_own = "node = '" ~ parent ~ "' and starts_with(part, '" ~ before ~ "') and part <> '" ~ before ~ "'" -%}
                {%- do own.append(is_own) -%}
                {%- do names.append('when ' ~ is_own ~ ' then substr(part, ' ~ (before | length + 1) ~ ')') -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'parents': parents,
        'is_read': 'case node ' ~ read | join(' ') ~ " else part = '' end" if read else "part = ''",
        'is_read_whole': 'case node ' ~ whole | join(' ') ~ " else part = '' end" if whole else "part = ''",
        'is_own_part': own | join(' or ') or 'false',
        'own_part': 'case ' ~ names | join(' ') ~ ' end' if names else 'null',
    }) }}
{%- endmacro %}

{#- SQL of the digest of what a node reads by a condition of `reading`: null where something of it has no stamp. -#}
{% macro inputs_sql(reading, is_read) -%}
    select
        case
            when count(*) filter (part = '') = {{ reading.parents | length }}
                then md5(coalesce(string_agg(node || '/' || part || '=' || stamp, ',' order by node, part) filter ({{ is_read }}), ''))
        end as inputs
    from main.node_stamp
    where node in ('{{ (reading.parents or ['']) | join("', '") }}')
{%- endmacro %}

{#- SQL of each part's digest of what it reads: its own parts, and what every part reads. -#}
{% macro part_inputs_sql(reading) -%}
    select
        own.part,
        md5(own.stamps || '/' || whole.inputs) as inputs
    from (
        select
            {{ reading.own_part }} as part,
            string_agg(node || '/' || part || '=' || stamp, ',' order by node, part) as stamps
        from main.node_stamp
        where {{ reading.is_own_part }}
        group by 1
    ) as own
    cross join ({{ edu.inputs_sql(reading, reading.is_read_whole) }}) as whole
{%- endmacro %}

{#- What a node would be made from, and whether it was made from that: `reading`, `inputs` (none where unknown) and `is_current`. -#}
{% macro standing(node) -%}
    {%- set reading = edu.reading(node) -%}
    {%- if reading is none -%}
        {{ return({'reading': none, 'inputs': none, 'is_current': false}) }}
    {%- endif -%}
    {%- set found = run_query(
        "select inputs, inputs in (select known.inputs from main.node_stamp as known where known.node = '" ~ node['unique_id']
        ~ "' and known.part = '') from (" ~ edu.inputs_sql(reading, reading.is_read) ~ ") as read"
    ).rows[0] -%}
    {{ return({'reading': reading, 'inputs': found[0], 'is_current': found[1] and not should_full_refresh()}) }}
{%- endmacro %}

{#- SQL of the parts of a node that were made from what they would be made from now. -#}
{% macro kept_parts_sql(node, standing) -%}
    select wanted.part
    from ({{ edu.part_inputs_sql(standing.reading) }}) as wanted
    inner join main.node_stamp as known
        on known.node = '{{ node['unique_id'] }}' and known.part = wanted.part and known.inputs = wanted.inputs
{%- endmacro %}

{#-
  Whether most parts of a node can be kept; where fewer can, the table costs less to make anew. None can where rows have no
  part, which the key's test refuses: those would outlive their cause. Their stamp stands beside the whole's, as part '' too.
-#}
{% macro keeps_most_parts(node, standing) -%}
    {%- if not node['config']['meta'].get('made_by') or not standing.inputs -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return(run_query(
        "select (select count(*) from (" ~ edu.kept_parts_sql(node, standing) ~ ") as kept) * 2 > count(*) filter (part <> '') "
        ~ "and count(*) filter (part = '') = 1 from main.node_stamp where node = '" ~ node['unique_id'] ~ "'"
    ).rows[0][0]) }}
{%- endmacro %}

{#-
  Statements that write a node's stamps. `stamps` is SQL of (part, stamp), the whole as part ''. A part that could have rows
  and has none has the stamp `empty`, so that it is kept as others are.
-#}
{% macro write_stamps(node, standing, stamps) -%}
    create or replace temp table new_stamp as {{ stamps }};
    delete from main.node_stamp where node = '{{ node['unique_id'] }}';
    insert into main.node_stamp
    select
        '{{ node['unique_id'] }}',
        coalesce(new_stamp.part, own.part),
        case when new_stamp.part = '' then {{ "'" ~ standing.inputs ~ "'" if standing.inputs else 'null' }} else own.inputs end,
        coalesce(new_stamp.stamp, 'empty')
    from new_stamp
    full outer join (
        {% if node['config']['meta'].get('made_by') and standing.reading -%}
            {{ edu.part_inputs_sql(standing.reading) }}
        {%- else -%}
            select null as part, null as inputs where false
        {%- endif %}
    ) as own on own.part = new_stamp.part;
    drop table new_stamp;
{%- endmacro %}

{#- The columns by whose values a table has stamps. -#}
{% macro stamped_by(node) -%}
    {%- set meta = node['config']['meta'] -%}
    {{ return([meta['made_by']] if meta.get('made_by') else meta.get('stamped_by', [])) }}
{%- endmacro %}

{#- The part that rows are of by the values of columns. -#}
{% macro part_of(columns) -%}
    {%- if not columns %}''{% endif -%}
    {%- for column in columns -%}
        coalesce(cast({{ column }} as varchar), ''){{ " || '/' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- SQL of each part's number of rows and digest of them, which no order changes. -#}
{% macro content_sql(relation, columns) -%}
    select
        {{ edu.part_of(columns) }} as part,
        {{ edu.part_of(columns[:-1]) }} as above,
        count(*) as row_count,
        {{ edu.content_digest('each') }} as content
    from {{ relation }} as each
    {{ 'group by 1, 2' if columns }}
{%- endmacro %}

{#-
  SQL of the stamps of a table that was made again; `before` is what it was, none where nobody knows. A part that has the
  same rows keeps its stamp, any other has one that was never before; a table in parts has the stamp of all of theirs.
  With `is_partly_kept`, `target` and `before` are the rows that were made again, and the parts of `main.kept_part` keep
  their stamps beside them.
-#}
{% macro table_stamps(node, target, before, is_partly_kept=false) -%}
    {%- set columns = edu.stamped_by(node) -%}
    {%- if before is none -%}
    with part_stamp as (
        select distinct
            {{ edu.part_of(columns) }} as part,
            {{ edu.part_of(columns[:-1]) }} as above,
            '{{ invocation_id }}' as stamp
        {{ 'from ' ~ target if columns }}
    )
    {%- else -%}
    with made as ({{ edu.content_sql(target, columns) }}),
    old as ({{ edu.content_sql(before, columns) }}),
    part_stamp as (
        select
            made.part,
            made.above,
            case
                when made.row_count = old.row_count and made.content is not distinct from old.content
                    then coalesce(known.stamp, '{{ invocation_id }}')
                else '{{ invocation_id }}'
            end as stamp
        from made
        left join old on old.part = made.part
        left join main.node_stamp as known on known.node = '{{ node['unique_id'] }}' and known.part = made.part
        {%- if is_partly_kept %}
        union all
        select
            known.part,
            '' as above,
            known.stamp
        from main.node_stamp as known
        inner join main.kept_part as kept on kept.part = known.part
        where known.node = '{{ node['unique_id'] }}' and known.stamp <> 'empty'
        {%- endif %}
    )
    {%- endif %}
    select part, stamp from part_stamp
    {%- if columns | length > 1 %}
    union all
    select above, md5(string_agg(part || '=' || stamp, ',' order by part)) from part_stamp group by above
    {%- endif %}
    {%- if columns %}
    union all
    select '', md5(coalesce(string_agg(part || '=' || stamp, ',' order by part), '')) from part_stamp
    {%- endif -%}
{%- endmacro %}

{#- Writes the stamp of a table to which batches are appended: a batch never changes, so it is which ones there are. -#}
{% macro stamp_batches() -%}
    {%- if model['config']['materialized'] == 'incremental' -%}
        {{ edu.write_stamps(
            model, {},
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
