select
    township_code,
    township_name,
    division_code,
    edition
from {{ ref('township') }}
