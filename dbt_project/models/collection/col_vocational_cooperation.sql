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
    lake_row.project_no,
    lake_row.cooperation_kind_code,
    lake_row.enterprise_name,
    lake_row.enterprise_credit_code,
    lake_row.industry_code,
    lake_row.major_code,
    lake_row.started_ym,
    lake_row.ended_ym,
    lake_row.students,
    lake_row.apprentices,
    lake_row.enterprise_teachers,
    lake_row.internship_places,
    lake_row.invested_yuan
from {{ source('lake', 'vocational_cooperation') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
