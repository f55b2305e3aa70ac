-- A stage without a pupil in a grade that can be completed has no graduate to report: nothing sent is then zero.
with finishing as (
    select distinct -- a stage has many pupils
        pupil.school_id,
        pupil.school_year,
        pupil.stage
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = pupil.grade_code
    where pupil.is_enrolled and grade.is_final_grade
),

judged as (
    select
        due.school_id,
        due.school_year,
        taught.stage,
        due.division_code,
        due.is_reported as is_delivered,
        due.data_status,
        not due.is_reported and coalesce(roll.is_reported, false) and finishing.school_id is null as has_none,
        roll.data_status as roll_status
    from {{ ref('unit_expected') }} as due
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = due.school_id and taught.school_year = due.school_year and taught.term = 1
    left join {{ ref('unit_expected') }} as roll
        on
            roll.dataset = 'student'
            and roll.school_id = due.school_id
            and roll.school_year = due.school_year
            and roll.term = 1
    left join finishing
        on
            finishing.school_id = due.school_id
            and finishing.school_year = due.school_year
            and finishing.stage = taught.stage
    where due.dataset = 'graduate_outcome'
)

select
    school_id,
    school_year,
    stage,
    division_code,
    is_delivered or has_none as is_reported,
    case when has_none then roll_status else data_status end as data_status
from judged
