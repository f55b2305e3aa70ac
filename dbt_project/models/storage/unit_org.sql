-- Who answers for a unit: its school, the county that manages the school, the city. 市直 schools, universities and
-- other systems have the city as parent. In a year it is who manages it in the first term in which it is registered.
with of_year as (
    select
        school_id,
        managing_org,
        school_year,
        row_number() over (partition by school_id, school_year order by term) as term_no
    from {{ ref('dim_school') }}
),

place as (
    select
        school_id,
        managing_org,
        period
    from {{ ref('dim_school') }}
    union all
    select
        school_id,
        managing_org,
        school_year
    from of_year
    where term_no = 1
    union all
    select
        school_id,
        managing_org,
        'FY' || substr(school_year, 1, 4)
    from of_year
    where term_no = 1
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
left join {{ ref('map_school_code') }} as school on school.school_code = unit.unit_owner
left join place on place.school_id = school.school_id and place.period = unit.period
