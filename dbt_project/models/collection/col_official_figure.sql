-- Figures without their release were never released: the release's record is written last.
select
    figure.release_id,
    figure.table_name,
    figure.row_key,
    figure.measure,
    figure.value
from {{ source('runs', 'official_figure') }} as figure
inner join {{ source('runs', 'official_release') }} as release on release.release_id = figure.release_id
where {{ is_recorded('release.recorded_at') }}
