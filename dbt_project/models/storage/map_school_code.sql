-- A file that still carries a former code belongs to the same school.
select
    school_code,
    school_id
from {{ ref('dim_school') }}
union
select
    change.school_code,
    'S' || change.first_school_code as school_id
from {{ ref('school_code_change') }} as change
union
select
    change.first_school_code as school_code,
    'S' || change.first_school_code as school_id
from {{ ref('school_code_change') }} as change
