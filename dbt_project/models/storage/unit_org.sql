-- Who answers for a unit: its school, the county that manages the school, the city. 市直 schools, universities and
-- other systems have the city as parent.
with place as (
    select
        school_code,
        school_id,
        managing_org,
        period
    from {{ ref('dim_school') }}
    union all
    select
        school_code,
        school_id,
        managing_org,
        school_year
    from {{ ref('dim_school') }}
    where term = 1
    union all
    select
        school_code,
        school_id,
        managing_org,
        'FY' || substr(school_year, 1, 4)
    from {{ ref('dim_school') }}
    where term = 1
),

city as (
    select min(division_code) as division_code
    from {{ ref('dim_division') }}
    where division_level = 'city' and is_current
)

select distinct
    unit.dataset,
    unit.unit_owner,
    unit.period,
    place.school_id,
    nullif(coalesce(place.managing_org, city.division_code), city.division_code) as county_org,
    city.division_code as city_org
from {{ ref('unit_current') }} as unit
cross join city
left join place on place.school_code = unit.unit_owner and place.period = unit.period
