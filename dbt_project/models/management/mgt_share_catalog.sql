select
    item_id,
    item_name,
    sharing_kind,
    schema_name,
    table_name,
    fields,
    count_column,
    part_columns,
    blank_columns,
    dims,
    by_columns,
    cell_columns,
    basis,
    cycle,
    owner_office,
    cast(valid_from as date) as valid_from
from {{ ref('share_catalog') }}
