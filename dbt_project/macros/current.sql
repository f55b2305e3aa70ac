{#
  Rows of a dataset that count: those of the units' current deliveries that are not held, the newest of each key. A key
  whose newest row is an explicit delete has none; the delete speaks of its own period alone. Rows
  that name no school belong to their submitter: `owner` is then `submitter_org`. A delete may name its row by another
  key than the row's own, as where another system deletes by its own id a pupil whose key is his roll number: `deleted_by`
  is the column of that other key. `keeps` says which of the rows of a key counts: the newest, or the first where what
  was once said is not changed. `row_keys` is a query of the row keys that are asked for, where not all are.
#}
{% macro current_rows(dataset, columns, owner='school_code', deleted_by=none, keeps='newest', row_keys=none, is_by_owner=false) -%}
    {%- set key = ['unit.unit_owner', 'lake_row.period', 'lake_row.snapshot_date', key_in_unit('lake_row', 'unit')] -%}
    {%- set rows -%}
        from {{ ref('col_' ~ dataset) }} as lake_row
        inner join {{ units_of(dataset, is_by_owner) }} as unit
            on {{ is_of_unit('lake_row', 'unit', dataset, owner) }}
        {% if deleted_by -%}
        left join ({{ deleted_keys(dataset, owner, deleted_by, is_by_owner) }}) as removed
            on
                removed.unit_owner = unit.unit_owner
                and removed.period = lake_row.period
                and removed.snapshot_date is not distinct from lake_row.snapshot_date
                and removed.row_key = lake_row.row_key
        {% endif -%}
        where
            not unit.is_held
            {%- if row_keys %}
            and lake_row.row_key in ({{ row_keys }})
            {%- endif %}
    {%- endset -%}
    {%- set shared -%}
        select {{ key_hash(key) }} as key_hash
        {{ rows }}
        group by {{ key_hash(key) }}
        having count(*) > 1
    {%- endset -%}
    {%- set values -%}
        {% for column in columns -%}
            {% if column == 'school_code' %}unit.unit_owner as school_code{% elif column == 'delivery_rank' %}unit.delivery_rank{% else %}lake_row.{{ column }}{% endif %},
        {% endfor -%}
        coalesce(lake_row.is_deleted, false)
        {%- if deleted_by %} or coalesce(removed.delivery_rank < unit.delivery_rank, false){% endif %} as is_removed
    {%- endset -%}
    select {{ columns | join(', ') }}
    from (
        {#- Few keys have several rows: only theirs are ranked, which costs less than to rank them all. -#}
        select {{ values }}
        {{ rows }}
            and {{ key_hash(key) }} not in ({{ shared }})
        union all
        select {{ columns | join(', ') }}, is_removed
        from (
            select
                {{ values }},
                row_number() over (
                    partition by {{ key | join(', ') }}
                    order by
                    {% if keeps == 'first' -%}
                        unit.delivery_rank desc, lake_row.sheet, lake_row.row_number
                    {%- else -%}
                        unit.delivery_rank, lake_row.sheet desc, lake_row.row_number desc
                    {%- endif %}
                ) as place
            {{ rows }}
                and {{ key_hash(key) }} in ({{ shared }})
        ) as ranked
        where place = 1
    ) as newest
    where not is_removed
{%- endmacro %}

{#
  The deliveries of a dataset that count. A batch never changes, so the rows of those of one owner change only where the
  owner's deliveries do (`is_by_owner`).
#}
{% macro units_of(dataset, is_by_owner=false) -%}
    {%- if is_by_owner -%}
        {%- do reads_own_part('unit_current', dataset) -%}
        {%- do reads_through('col_' ~ dataset, 'unit_current') -%}
        (select own.* from {{ ref('unit_current') }} as own where own.dataset = '{{ dataset }}' and {{ is_remade('own.owner_id') }})
    {%- else -%}
        {%- do reads_part('unit_current', dataset) -%}
        {{ ref('unit_current') }}
    {%- endif -%}
{%- endmacro %}

{#
  Row keys that are gone because a delete named another key, and the rank of the newest such delete. A row key has the
  other key that its newest row with one bears: a later row may lack it. A delete that bears the row's own key beside the
  other names that row alone.
#}
{% macro deleted_keys(dataset, owner, other_key, is_by_owner=false) -%}
    select
        named.unit_owner,
        named.period,
        named.snapshot_date,
        named.row_key,
        min(deleting.delivery_rank) as delivery_rank
    from (
        select
            unit.unit_owner,
            lake_row.period,
            lake_row.snapshot_date,
            lake_row.row_key,
            lake_row.{{ other_key }} as other_key,
            row_number() over (
                partition by unit.unit_owner, lake_row.period, lake_row.snapshot_date, lake_row.row_key
                order by unit.delivery_rank, lake_row.sheet desc, lake_row.row_number desc
            ) as newest_no
        from {{ ref('col_' ~ dataset) }} as lake_row
        inner join {{ units_of(dataset, is_by_owner) }} as unit
            on {{ is_of_unit('lake_row', 'unit', dataset, owner) }}
        where lake_row.{{ other_key }} is not null and not unit.is_held and not coalesce(lake_row.is_deleted, false)
    ) as named
    inner join (
        select
            unit.unit_owner,
            lake_row.period,
            lake_row.snapshot_date,
            lake_row.row_key,
            unit.delivery_rank
        from {{ ref('col_' ~ dataset) }} as lake_row
        inner join {{ units_of(dataset, is_by_owner) }} as unit
            on {{ is_of_unit('lake_row', 'unit', dataset, owner) }}
        where lake_row.is_deleted and lake_row.row_key = lake_row.{{ other_key }} and not unit.is_held
    ) as deleting
        on
            deleting.unit_owner = named.unit_owner
            and deleting.period = named.period
            and deleting.snapshot_date is not distinct from named.snapshot_date
            and deleting.row_key = named.other_key
    where named.newest_no = 1
    group by named.unit_owner, named.period, named.snapshot_date, named.row_key
{%- endmacro %}

{# A row's key among those of its unit: one that begins with another name of the school is the same row. #}
{% macro key_in_unit(row, unit) -%}
    case
        when
            {{ unit }}.source_owner <> {{ unit }}.unit_owner
            and substr({{ row }}.row_key, 1, length({{ unit }}.source_owner)) = {{ unit }}.source_owner
            then {{ unit }}.unit_owner || substr({{ row }}.row_key, length({{ unit }}.source_owner) + 1)
        else {{ row }}.row_key
    end
{%- endmacro %}

{# Condition that a row of a dataset belongs to a current delivery of its unit. #}
{% macro is_of_unit(row, unit, dataset, owner) -%}
    {{ unit }}.submission_id = {{ row }}.submission_id
    and {{ unit }}.batch_id is not distinct from {{ row }}.batch_id
    and {{ unit }}.source_owner = {{ row }}.{{ owner }}
    and {{ unit }}.period = {{ row }}.period
    and {{ unit }}.dataset = '{{ dataset }}'
{%- endmacro %}

{# The state of figures that no office has confirmed yet; the seed data_status says what it allows. #}
{% macro unconfirmed_status() -%}
    'provisional'
{%- endmacro %}

{# Condition that leaves out persons whose data may not be shown; every table with one row a person has it. #}
{% macro is_shown(person_id) -%}
    coalesce({{ person_id }} not in (select restricted.person_id from {{ ref('map_restriction') }} as restricted), true)
{%- endmacro %}
