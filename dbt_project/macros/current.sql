{#
  Rows of a dataset that count: those of the units' current deliveries that are not held, the newest of each key. A key
  whose newest row is an explicit delete has none; the delete speaks of its own period alone. Rows
  that name no school belong to their submitter: `owner` is then `submitter_org`.
#}
{% macro current_rows(dataset, columns, owner='school_code') -%}
    select {{ columns | join(', ') }}
    from (
        select
            {% for column in columns -%}
                {% if column == 'school_code' %}unit.unit_owner as school_code{% elif column == 'delivery_rank' %}unit.delivery_rank{% else %}lake_row.{{ column }}{% endif %},
            {% endfor -%}
            coalesce(lake_row.is_deleted, false) as is_removed,
            row_number() over (
                partition by unit.unit_owner, lake_row.period, lake_row.snapshot_date, lake_row.row_key
                order by unit.delivery_rank, lake_row.sheet desc, lake_row.row_number desc
            ) as newest_no
        from {{ ref('col_' ~ dataset) }} as lake_row
        inner join {{ ref('unit_current') }} as unit
            on
                unit.submission_id = lake_row.submission_id
                and unit.batch_id is not distinct from lake_row.batch_id
                and unit.source_owner = lake_row.{{ owner }}
                and unit.period = lake_row.period
                and unit.dataset = '{{ dataset }}'
        where not unit.is_held
    ) as numbered
    where newest_no = 1 and not is_removed
{%- endmacro %}

{# The state of figures that no office has confirmed yet; the seed data_status says what it allows. #}
{% macro unconfirmed_status() -%}
    'provisional'
{%- endmacro %}

{# Condition that leaves out persons whose data may not be shown; every table with one row a person has it. #}
{% macro is_shown(person_id) -%}
    not exists (
        select 1
        from {{ ref('map_restriction') }} as restricted
        where restricted.person_id = {{ person_id }}
    )
{%- endmacro %}
