{#
  Rows of a dataset that count: those of the units' current deliveries that are not held, the newest of each key. A key
  whose newest row is an explicit delete has none; the delete speaks of its own period alone. Rows
  that name no school belong to their submitter: `owner` is then `submitter_org`. A delete may name its row by another
  key than the row's own, as where another system deletes by its own id a pupil whose key is his roll number: `deleted_by`
  is the column of that other key.
#}
{% macro current_rows(dataset, columns, owner='school_code', deleted_by=none) -%}
    select {{ columns | join(', ') }}
    from (
        select
            {% for column in columns -%}
                {% if column == 'school_code' %}unit.unit_owner as school_code{% elif column == 'delivery_rank' %}unit.delivery_rank{% else %}lake_row.{{ column }}{% endif %},
            {% endfor -%}
            coalesce(lake_row.is_deleted, false)
            {%- if deleted_by %} or coalesce(removed.delivery_rank < unit.delivery_rank, false){% endif %} as is_removed,
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
        {% if deleted_by -%}
        left join (
            select
                deleting.unit_owner,
                deleted_row.period,
                deleted_row.snapshot_date,
                deleted_row.{{ deleted_by }} as other_key,
                min(deleting.delivery_rank) as delivery_rank
            from {{ ref('col_' ~ dataset) }} as deleted_row
            inner join {{ ref('unit_current') }} as deleting
                on
                    deleting.submission_id = deleted_row.submission_id
                    and deleting.batch_id is not distinct from deleted_row.batch_id
                    and deleting.source_owner = deleted_row.{{ owner }}
                    and deleting.period = deleted_row.period
                    and deleting.dataset = '{{ dataset }}'
            where deleted_row.is_deleted and deleted_row.{{ deleted_by }} is not null and not deleting.is_held
            group by deleting.unit_owner, deleted_row.period, deleted_row.snapshot_date, deleted_row.{{ deleted_by }}
        ) as removed
            on
                removed.unit_owner = unit.unit_owner
                and removed.period = lake_row.period
                and removed.snapshot_date is not distinct from lake_row.snapshot_date
                and removed.other_key = lake_row.{{ deleted_by }}
        {% endif -%}
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
