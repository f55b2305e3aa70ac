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
    lake_row.division_code,
    lake_row.indicator_code,
    lake_row.indicator_name,
    lake_row.indicator_unit,
    lake_row.attribute_code,
    lake_row.direction_code,
    lake_row.baseline_2020,
    lake_row.target_2025,
    lake_row.target_value,
    lake_row.actual_value,
    lake_row.cut_off_date,
    lake_row.evidence_no
from {{ source('lake', 'plan_indicator') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
