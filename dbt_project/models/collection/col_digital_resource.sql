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
    lake_row.resource_id,
    lake_row.resource_title,
    lake_row.resource_kind_code,
    lake_row.subject_code,
    lake_row.grade_code,
    lake_row.provider_school_code,
    lake_row.published_on,
    lake_row.size_mb,
    lake_row.is_shared
from {{ source('lake', 'digital_resource') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
