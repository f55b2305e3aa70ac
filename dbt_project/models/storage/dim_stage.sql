select
    stage,
    stage_name,
    sort_order
from {{ ref('stage') }}
