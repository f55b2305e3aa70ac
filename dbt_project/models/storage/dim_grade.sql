select
    grade_code,
    grade_name,
    stage,
    grade_in_stage,
    is_final_grade
from {{ ref('grade') }}
