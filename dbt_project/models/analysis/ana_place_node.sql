-- A node is a grade, or an age of the resident population (a00 to a17); a learner or child moves along the seed
-- place_step a step a year.
with division as (
    select division_code
    from {{ ref('dim_division') }}
    where is_current and division_level in ('county', 'zone')
),

school_year as (
    select distinct {{ period_year('school_year') }} as first_year -- of every registered school
    from {{ ref('dim_school') }}
    where term = 1
),

node as (
    select distinct to_node as node -- upper secondary grades have one parent each, births are their own
    from {{ ref('place_step') }}
),

owing as (
    select
        expected.division_code,
        {{ period_year('expected.school_year') }} as first_year,
        taught.stage,
        bool_and(expected.is_reported) as is_complete
    from {{ ref('unit_expected') }} as expected
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = expected.school_id and taught.period = expected.period
    where expected.dataset = 'student' and expected.term = 1
    group by expected.division_code, expected.school_year, taught.stage
),

learner as (
    select
        school.division_code,
        {{ period_year('learner.school_year') }} as first_year,
        learner.grade_code,
        sum(learner.pupils) as persons
    from {{ ref('ana_learner_count') }} as learner
    inner join {{ ref('dim_school') }} as school
        on school.school_id = learner.school_id and school.school_year = learner.school_year and school.term = 1
    group by school.division_code, learner.school_year, learner.grade_code
),

person as (
    select
        division_code,
        fiscal_year,
        'a' || lpad(cast(age as varchar), 2, '0') as node,
        sum(persons) as persons
    from {{ ref('fct_population') }}
    where population_kind_code = '2' and age <= 17
    group by division_code, fiscal_year, age
)

select
    division.division_code,
    cast(school_year.first_year as integer) as first_year,
    node.node,
    grade.stage,
    cast(coalesce(learner.persons, person.persons, case when grade.stage is not null then 0 end) as bigint) as persons,
    -- Where a school owes nothing of the stage, nobody is missing; where an age was not given, it is.
    case when grade.stage is null then person.persons is not null else coalesce(owing.is_complete, true) end
        as is_complete
from division
cross join school_year
cross join node
left join {{ ref('dim_grade') }} as grade on grade.grade_code = node.node
left join owing
    on
        owing.division_code = division.division_code
        and owing.first_year = school_year.first_year
        and owing.stage = grade.stage
left join learner
    on
        learner.division_code = division.division_code
        and learner.first_year = school_year.first_year
        and learner.grade_code = node.node
left join person
    on
        person.division_code = division.division_code
        and person.fiscal_year = school_year.first_year
        and person.node = node.node
