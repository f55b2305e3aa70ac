select
    figure.release_id,
    release.release_name,
    release.school_year,
    figure.table_name,
    figure.row_key,
    figure.measure,
    figure.value as reported_value
from {{ ref('col_official_figure') }} as figure
inner join {{ ref('col_official_release') }} as release on release.release_id = figure.release_id
