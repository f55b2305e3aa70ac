-- Generated from the contract by `make docs`; a drift test compares.
{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}
-- depends_on: {{ ref('col_unit') }}

select
    lake_row.submission_id,
    lake_row.batch_id,
    lake_row.sheet,
    lake_row.row_number,
    lake_row.submitter_org,
    lake_row.period,
    lake_row.snapshot_date,
    lake_row.is_incomplete,
    lake_row.is_deleted,
    lake_row.row_key,
    lake_row.statement_id,
    lake_row.actor_home_page,
    lake_row.actor_key,
    lake_row.verb_id,
    lake_row.object_id,
    lake_row.object_type,
    lake_row.course_id,
    lake_row.occurred_at,
    lake_row.score_scaled,
    lake_row.is_success,
    lake_row.is_completed,
    lake_row.duration_s,
    lake_row.voided_statement_id
from {{ source('lake', 'learning_event') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
