select
    division_code,
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to,
    division_name,
    division_level,
    parent_code,
    evaluated_with_division,
    cast(tile_row as integer) as tile_row,
    cast(tile_column as integer) as tile_column,
    cast(valid_to as date) is null as is_current
from {{ ref('division') }}
