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
    lake_row.xjh_key,
    lake_row.grade_code,
    lake_row.support_kind_code,
    lake_row.left_behind_code,
    lake_row.study_place_code,
    lake_row.disability_code,
    lake_row.disability_level,
    lake_row.placement_code,
    lake_row.difficulty_code,
    lake_row.difficulty_reason_code,
    lake_row.aid_item_code,
    lake_row.aid_amount_yuan,
    lake_row.found_on,
    lake_row.return_code
from {{ source('lake', 'student_support') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
