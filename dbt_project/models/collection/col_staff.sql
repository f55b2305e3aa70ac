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
    lake_row.staff_no_key,
    lake_row.id_type_code,
    lake_row.id_number_key,
    lake_row.birth_date,
    lake_row.ethnicity_code,
    lake_row.political_status_code,
    lake_row.work_start_ym,
    lake_row.school_start_ym,
    lake_row.staff_category_code,
    lake_row.is_establishment,
    lake_row.employment_form_code,
    lake_row.contract_code,
    lake_row.education_code,
    lake_row.teach_stage_code,
    lake_row.subject_code,
    lake_row.title_code,
    lake_row.is_backbone,
    lake_row.has_certificate,
    lake_row.staff_status_code,
    lake_row.sourced_id_key
from {{ source('lake', 'staff') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
