select
    code_set,
    code,
    name,
    standard,
    cast(valid_from as date) as valid_from
from {{ ref('code_set') }}
