-- Datasets that speak of learners of some grades alone: who has nobody in them has nothing to send.
select
    'graduate_outcome' as dataset,
    grade_code
from {{ ref('dim_grade') }}
where is_final_grade
union all
select
    'elective_choice' as dataset,
    grade_code
from {{ ref('dim_grade') }}
where stage = 'senior'
union all
select
    'fitness' as dataset,
    grade_code
from {{ ref('fitness_grade_band') }}
union all
select
    'vision' as dataset,
    grade_code
from {{ ref('vision_group') }}
