-- One tile a division, stage and year; a zone has no verdict of its own and points to the division it is judged with.
with county as (
    select
        school_year,
        division_code,
        stage,
        count(*) filter (where is_met) as indicators_met,
        count(*) filter (where is_met is not null) as indicators_known
    from {{ ref('ana_balanced_county') }}
    group by school_year, division_code, stage
),

worst as (
    select
        school_year,
        division_code,
        stage,
        indicator_no,
        cv,
        cv_limit
    from (
        select
            school_year,
            division_code,
            stage,
            indicator_no,
            cv,
            cv_limit,
            row_number() over (
                partition by school_year, division_code, stage order by cv desc, indicator_no asc
            ) as worst_no
        from {{ ref('ana_balanced_county') }}
        where cv is not null
    ) as numbered
    where worst_no = 1
),

school as (
    select
        school_year,
        division_code,
        stage,
        school_id,
        count(*) filter (where is_met) as met,
        count(*) filter (where is_floor_met) as above_floor,
        count(*) filter (where is_met is not null) as known
    from {{ ref('ana_balanced_school') }}
    group by school_year, division_code, stage, school_id
),

school_verdict as (
    select
        school_year,
        division_code,
        stage,
        count(*) as schools,
        count(*) filter (where known = 7) as schools_judged,
        count(*) filter (where known = 7 and met >= 6 and above_floor = 7) as schools_met
    from school
    group by school_year, division_code, stage
),

year_stage as (
    select distinct
        school_year,
        stage
    from {{ ref('ana_balanced_county') }}
)

select
    year_stage.school_year,
    year_stage.stage,
    stage.stage_name,
    division.division_code,
    division.division_name,
    division.division_level,
    division.evaluated_with_division,
    division.tile_row,
    division.tile_column,
    county.indicators_met,
    county.indicators_known,
    worst.indicator_no as worst_indicator_no,
    rule.indicator_name as worst_indicator_name,
    worst.cv as worst_cv,
    worst.cv_limit,
    school_verdict.schools,
    school_verdict.schools_judged,
    school_verdict.schools_met,
    case when county.indicators_known = 7 then county.indicators_met = 7 end as is_met
from year_stage
cross join {{ ref('dim_division') }} as division
inner join {{ ref('dim_stage') }} as stage on stage.stage = year_stage.stage
left join county
    on
        county.school_year = year_stage.school_year
        and county.stage = year_stage.stage
        and county.division_code = division.division_code
left join worst
    on
        worst.school_year = year_stage.school_year
        and worst.stage = year_stage.stage
        and worst.division_code = division.division_code
left join {{ ref('balanced_threshold') }} as rule
    on
        rule.stage = worst.stage
        and rule.indicator_no = worst.indicator_no
        and {{ is_valid_in('rule', 'worst.school_year') }}
left join school_verdict
    on
        school_verdict.school_year = year_stage.school_year
        and school_verdict.stage = year_stage.stage
        and school_verdict.division_code = division.division_code
where division.is_current and division.division_level in ('county', 'zone')
