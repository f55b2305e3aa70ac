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
    lake_row.school_code,
    lake_row.stage_code,
    lake_row.item_code,
    lake_row.amount_yuan
from {{ source('lake', 'finance') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
