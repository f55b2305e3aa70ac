select
    grade_code,
    grade_name,
    stage,
    grade_in_stage
from {{ ref('grade') }}
