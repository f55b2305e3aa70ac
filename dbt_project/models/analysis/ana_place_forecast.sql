with newest as (
    select max(first_year) as origin_year
    from {{ ref('ana_place_node') }}
),

rule as (
    select value as interval_factor
    from {{ ref('forecast_rule') }}
    where rule = 'interval_factor'
),

supply as (
    select
        supply.division_code,
        'county' as area_level,
        supply.school_year,
        supply.stage,
        supply.places
    from {{ ref('ana_place_supply') }} as supply
    union all
    select
        division.parent_code as division_code,
        'city' as area_level,
        supply.school_year,
        supply.stage,
        case when count(*) = count(supply.places) then sum(supply.places) end as places
    from {{ ref('ana_place_supply') }} as supply
    inner join {{ ref('dim_division') }} as division
        on division.division_code = supply.division_code and division.is_current
    group by division.parent_code, supply.school_year, supply.stage
),

ahead as (
    select
        area.origin_year,
        area.horizon,
        area.school_year,
        area.area_level,
        area.division_code,
        area.stage,
        round(area.persons, 0) as learners,
        round(greatest(area.persons - rule.interval_factor * area.standard_error, 0), 0) as learners_low,
        round(area.persons + rule.interval_factor * area.standard_error, 0) as learners_high,
        area.basis,
        area.is_base_complete,
        round(people.persons, 0) as school_age_population,
        supply.places
    from {{ ref('ana_place_area') }} as area
    inner join newest on newest.origin_year = area.origin_year
    cross join rule
    left join {{ ref('ana_place_area') }} as people
        on
            people.origin_year = area.origin_year
            and people.horizon = area.horizon
            and people.area_level = area.area_level
            and people.division_code = area.division_code
            and people.stage = area.stage
            and people.measure = 'population'
    -- Places are those of the year of origin: what is planned to be built is not reported.
    left join supply
        on
            supply.area_level = area.area_level
            and supply.division_code = area.division_code
            and supply.stage = area.stage
            and {{ period_year('supply.school_year') }} = area.origin_year
    where area.measure = 'learners'
)

select
    cast(origin_year as varchar) || '-' || cast(origin_year + 1 as varchar) as origin_school_year,
    school_year,
    horizon,
    area_level,
    division_code,
    stage,
    cast(school_age_population as bigint) as school_age_population,
    cast(learners as bigint) as learners,
    cast(learners_low as bigint) as learners_low,
    cast(learners_high as bigint) as learners_high,
    cast(places as bigint) as places,
    cast(places - learners as bigint) as surplus,
    cast(case when learners > places then learners - places when places is not null then 0 end as bigint) as shortage,
    case
        when places is null or learners is null then null
        when learners_low > places then 'short'
        when learners > places then 'likely_short'
        when learners_high > places then 'tight'
        else 'enough'
    end as outlook,
    basis,
    is_base_complete
from ahead
