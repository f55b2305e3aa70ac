select
    dataset,
    dataset_name,
    period_kind
from {{ ref('dataset') }}
