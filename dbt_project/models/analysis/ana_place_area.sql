-- Forecasts of every origin for divisions and the city; errors of divisions are taken as independent.
with area as (
    select
        cohort.*,
        'county' as area_level,
        cohort.division_code as area_code
    from {{ ref('ana_place_cohort') }} as cohort
    union all
    select
        cohort.*,
        'city' as area_level,
        division.parent_code as area_code
    from {{ ref('ana_place_cohort') }} as cohort
    inner join {{ ref('dim_division') }} as division
        on division.division_code = cohort.division_code and division.is_current
),

summed as (
    select
        origin_year,
        horizon,
        area_level,
        area_code,
        stage,
        measure,
        case when count(*) = count(persons) then sum(persons) end as persons,
        sum(variance) as variance,
        max(basis_rank) as basis_rank,
        bool_and(is_base_complete) as is_base_complete
    from area
    group by origin_year, horizon, area_level, area_code, stage, measure
)

select
    cast(origin_year as integer) as origin_year,
    cast(horizon as integer) as horizon,
    cast(origin_year + horizon as varchar) || '-' || cast(origin_year + horizon + 1 as varchar) as school_year,
    area_level,
    area_code as division_code,
    stage,
    measure,
    cast(persons as decimal(28, 8)) as persons,
    cast(round(sqrt(cast(variance as double)), 6) as decimal(28, 6)) as standard_error,
    case basis_rank when 0 then 'observed' when 1 then 'division' when 2 then 'city' else 'assumed' end as basis,
    is_base_complete
from summed
