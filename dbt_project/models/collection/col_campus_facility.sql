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
    lake_row.campus_no,
    lake_row.campus_name,
    lake_row.land_area_m2,
    lake_row.building_area_m2,
    lake_row.teaching_area_m2,
    lake_row.indoor_sports_area_m2,
    lake_row.sports_ground_area_m2,
    lake_row.equipment_value_yuan,
    lake_row.multimedia_classrooms,
    lake_row.classrooms,
    lake_row.books,
    lake_row.dilapidated_area_m2,
    lake_row.music_rooms,
    lake_row.art_rooms,
    lake_row.outdoor_play_area_m2,
    lake_row.activity_room_area_m2,
    lake_row.places_preschool,
    lake_row.places_primary,
    lake_row.places_junior,
    lake_row.places_senior,
    lake_row.places_vocational
from {{ source('lake', 'campus_facility') }} as lake_row
inner join {{ source('runs', 'submission') }} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{ is_recorded('receipt.recorded_at') }}
    {% if is_incremental() %}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{ this }} as loaded)
    {% endif %}
