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
    lake_row.sex_code,
    lake_row.grade_code,
    lake_row.class_code,
    lake_row.test_date,
    lake_row.is_exempt,
    lake_row.height_cm,
    lake_row.weight_kg,
    lake_row.vital_capacity_ml,
    lake_row.sprint_50m_s,
    lake_row.endurance_s,
    lake_row.bmi_score,
    lake_row.vital_capacity_score,
    lake_row.sprint_50m_score,
    lake_row.sit_reach_score,
    lake_row.rope_skipping_score,
    lake_row.sit_ups_score,
    lake_row.shuttle_run_score,
    lake_row.standing_jump_score,
    lake_row.strength_score,
    lake_row.endurance_score,
    lake_row.bonus_score,
    lake_row.reported_total,
    lake_row.reported_level_code
from {{ source('lake', 'fitness') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
