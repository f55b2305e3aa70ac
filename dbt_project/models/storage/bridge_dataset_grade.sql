-- Datasets that speak of learners of some grades alone: who has nobody in them has nothing to send. Graduates are
-- reported of the stages whose own schools owe them: those whom a nine-year school has in its sixth year are not.
with graduating as (
    select distinct kind.only_stage as stage -- a stage has schools of several kinds
    from {{ ref('school_kind') }} as kind
    inner join {{ ref('dataset_scope') }} as scope
        on scope.school_kind_code = kind.school_kind_code and scope.dataset = 'graduate_outcome'
    where kind.only_stage is not null
)

select
    'graduate_outcome' as dataset,
    grade.grade_code
from {{ ref('dim_grade') }} as grade
inner join graduating on graduating.stage = grade.stage
where grade.is_final_grade
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
