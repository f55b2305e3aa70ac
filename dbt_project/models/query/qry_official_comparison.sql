-- As reported first, as corrected now beside it: a figure that came or went since shows with one side empty.
with reported as (
    select * from {{ ref('mgt_official_figure') }}
),

now_of_release as (
    select
        release.release_id,
        release.release_name,
        release.school_year,
        figure.table_name,
        figure.row_key,
        figure.measure,
        figure.value
    from {{ ref('mgt_official_release') }} as release
    inner join {{ ref('qry_official_current') }} as figure on figure.school_year = release.school_year
)

select
    coalesce(reported.release_id, now_of_release.release_id) as release_id,
    coalesce(reported.release_name, now_of_release.release_name) as release_name,
    coalesce(reported.school_year, now_of_release.school_year) as school_year,
    coalesce(reported.table_name, now_of_release.table_name) as table_name,
    coalesce(reported.row_key, now_of_release.row_key) as row_key,
    coalesce(reported.measure, now_of_release.measure) as measure,
    reported.reported_value,
    now_of_release.value as corrected_value,
    cast(now_of_release.value - reported.reported_value as decimal(38, 10)) as difference,
    not coalesce(
        reported.reported_value = now_of_release.value,
        reported.reported_value is null and now_of_release.value is null
    ) as is_changed
from reported
full outer join now_of_release
    on
        now_of_release.release_id = reported.release_id
        and now_of_release.table_name = reported.table_name
        and now_of_release.row_key = reported.row_key
        and now_of_release.measure = reported.measure
