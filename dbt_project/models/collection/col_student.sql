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
    lake_row.identity_status,
    lake_row.school_code,
    lake_row.sex_code,
    lake_row.birth_date,
    lake_row.ethnicity_code,
    lake_row.id_type_code,
    lake_row.id_number_key,
    lake_row.xjh_key,
    lake_row.grade_code,
    lake_row.class_code,
    lake_row.seat_no,
    lake_row.entry_ym,
    lake_row.entry_mode_code,
    lake_row.boarding_code,
    lake_row.household_kind_code,
    lake_row.household_division_code,
    lake_row.status_code,
    lake_row.left_behind_code,
    lake_row.is_migrant,
    lake_row.disability_code,
    lake_row.sourced_id_key
from {{ source('lake', 'student') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
