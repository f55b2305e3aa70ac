with figure as (
    {{ current_rows('base_table_figure', [
        'school_code', 'period', 'snapshot_date', 'table_no', 'row_code', 'column_code', 'value', 'is_not_applicable'
    ]) }}
)

select
    school.school_id,
    figure.table_no,
    figure.row_code,
    figure.column_code,
    figure.period as school_year,
    figure.snapshot_date,
    figure.value,
    coalesce(figure.is_not_applicable, false) as is_not_applicable
from figure
inner join {{ ref('map_school_code') }} as school on school.school_code = figure.school_code
