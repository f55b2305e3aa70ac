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
    lake_row.staff_no_key,
    lake_row.post_code,
    lake_row.post_kind_code,
    lake_row.post_level,
    lake_row.title_code,
    lake_row.appointment_code,
    lake_row.appointed_from,
    lake_row.appointed_to,
    lake_row.establishment_code,
    lake_row.weekly_lessons,
    lake_row.is_homeroom,
    lake_row.is_dual_qualified,
    lake_row.is_mental_health
from {{ source('lake', 'staff_post') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
