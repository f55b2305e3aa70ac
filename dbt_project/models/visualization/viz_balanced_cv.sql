-- The mean times the pupils, who are public, is the number of persons that it is over. A development zone is judged
-- with a county and counted beside it elsewhere, so the persons of both parts are looked at.
with small as (
    select max(threshold) as threshold
    from {{ ref('suppression_threshold') }}
    where topic = 'ordinary'
),

part as (
    select
        school.school_year,
        school.division_code,
        school.stage,
        school.indicator_no,
        place.division_code as place_code,
        sum(school.numerator) as persons
    from {{ ref('ana_balanced_school') }} as school
    inner join {{ ref('dim_school') }} as place
        on place.school_id = school.school_id and place.school_year = school.school_year and place.term = 1
    group by school.school_year, school.division_code, school.stage, school.indicator_no, place.division_code
),

few as (
    select
        part.school_year,
        part.division_code,
        part.stage,
        part.indicator_no,
        coalesce(bool_or(part.persons > 0 and part.persons < small.threshold), false) as has_few
    from part
    cross join small
    group by part.school_year, part.division_code, part.stage, part.indicator_no
)

select
    county.school_year,
    county.division_code,
    division.division_name,
    county.stage,
    stage.stage_name,
    county.indicator_no,
    rule.indicator_name,
    rule.unit,
    case when not (rule.unit = '人' and coalesce(few.has_few, true)) then county.mean end as mean,
    county.cv,
    county.cv_limit,
    county.is_met,
    county.schools,
    county.data_status,
    rule.unit = '人' and coalesce(few.has_few, true) as is_suppressed
from {{ ref('ana_balanced_county') }} as county
inner join {{ ref('balanced_threshold') }} as rule
    on
        rule.stage = county.stage
        and rule.indicator_no = county.indicator_no
        and {{ is_valid_in('rule', 'county.school_year') }}
inner join {{ ref('dim_stage') }} as stage on stage.stage = county.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = county.division_code and division.is_current
left join few
    on
        few.school_year = county.school_year
        and few.division_code = county.division_code
        and few.stage = county.stage
        and few.indicator_no = county.indicator_no
