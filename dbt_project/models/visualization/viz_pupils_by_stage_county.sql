-- Small cells are hidden, and where one cell of a stage stands alone in hiding, the next smallest goes with it, so
-- that it cannot be found by subtraction from the stage's total.
with counted as (
    select
        school_year,
        term,
        snapshot_date,
        division_code,
        stage,
        sum(pupils) as pupils
    from {{ ref('ana_enrolment') }}
    group by school_year, term, snapshot_date, division_code, stage
),

small as (
    select
        counted.*,
        counted.pupils < rule.threshold as is_small
    from counted
    cross join {{ ref('suppression_threshold') }} as rule
    where rule.topic = 'ordinary'
),

ranked as (
    select
        small.*,
        count(*) filter (where is_small) over (partition by snapshot_date, stage) as small_cells,
        row_number() over (partition by snapshot_date, stage, is_small order by pupils, division_code) as size_no
    from small
)

select
    ranked.school_year,
    ranked.term,
    ranked.snapshot_date,
    ranked.division_code,
    division.division_name,
    ranked.stage,
    stage.stage_name,
    stage.sort_order,
    cast(
        case when not (ranked.is_small or (ranked.small_cells = 1 and ranked.size_no = 1)) then ranked.pupils end
        as bigint
    ) as pupils,
    ranked.is_small or (ranked.small_cells = 1 and ranked.size_no = 1) as is_suppressed
from ranked
inner join {{ ref('dim_stage') }} as stage on stage.stage = ranked.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = ranked.division_code and division.is_current
