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
    lake_row.school_name,
    lake_row.school_kind_code,
    lake_row.sponsor_code,
    lake_row.division_code,
    lake_row.township_code,
    lake_row.urban_rural_code,
    lake_row.managing_org,
    lake_row.social_credit_code,
    lake_row.founded_ym,
    lake_row.is_boarding,
    lake_row.is_inclusive,
    lake_row.approved_posts
from {{ source('lake', 'school') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
