-- What was known in each year of origin: of a division with three observed transitions its own ratio, of one with fewer
-- the city's. Where the city has none either, the ratio is that between the two grades in the year of origin itself,
-- which makes the forecast stand still: without history it is the naïve one and says so (basis assumed).
with rule as (
    select
        max(value) filter (where rule = 'minimum_transitions') as minimum_transitions,
        max(value) filter (where rule = 'maximum_transitions') as maximum_transitions,
        max(value) filter (where rule = 'assumed_spread') as assumed_spread
    from {{ ref('forecast_rule') }}
),

origin as (
    select distinct first_year as origin_year -- every year with data
    from {{ ref('ana_place_node') }}
),

transition as (
    select
        before.division_code,
        after.first_year,
        edge.from_node,
        edge.to_node,
        before.persons as persons_before,
        after.persons as persons_after
    from {{ ref('place_step') }} as edge
    inner join {{ ref('ana_place_node') }} as before on before.node = edge.from_node
    inner join {{ ref('ana_place_node') }} as after
        on
            after.node = edge.to_node
            and after.division_code = before.division_code
            and after.first_year = before.first_year + 1
    where before.is_complete and after.is_complete and before.persons > 0
),

known as (
    select
        origin.origin_year,
        transition.division_code,
        transition.from_node,
        transition.to_node,
        transition.first_year,
        transition.persons_before,
        transition.persons_after
    from origin
    cross join rule
    inner join transition
        on
            transition.first_year <= origin.origin_year
            and transition.first_year > origin.origin_year - rule.maximum_transitions
),

division_ratio as (
    select
        origin_year,
        division_code,
        from_node,
        to_node,
        count(*) as transitions,
        cast(sum(persons_after) as double) / cast(sum(persons_before) as double) as ratio
    from known
    group by origin_year, division_code, from_node, to_node
),

city_ratio as (
    select
        origin_year,
        from_node,
        to_node,
        cast(sum(persons_after) as double) / cast(sum(persons_before) as double) as ratio
    from known
    group by origin_year, from_node, to_node
),

division as (
    select distinct division_code -- all divisions
    from {{ ref('ana_place_node') }}
),

city_spread as (
    select
        known.origin_year,
        known.to_node,
        sqrt(
            cast(sum(cast(
                known.persons_before
                * power(cast(known.persons_after as double) / known.persons_before - city_ratio.ratio, 2)
                as decimal(38, 12)
            )) as double)
            / cast(sum(known.persons_before) as double)
        ) as spread
    from known
    inner join city_ratio
        on city_ratio.origin_year = known.origin_year and city_ratio.to_node = known.to_node
    group by known.origin_year, known.to_node
)

select
    origin.origin_year,
    division.division_code,
    edge.from_node,
    edge.to_node,
    cast(coalesce(own.transitions, 0) as integer) as transitions,
    case
        when own.transitions >= rule.minimum_transitions then 'division'
        when city_ratio.ratio is not null then 'city'
        else 'assumed'
    end as basis,
    cast(round(
        case
            when own.transitions >= rule.minimum_transitions then own.ratio
            when city_ratio.ratio is not null then city_ratio.ratio
            when from_now.persons > 0 then cast(to_now.persons as double) / cast(from_now.persons as double)
            else 1
        end, 8
    ) as decimal(18, 8)) as ratio,
    cast(
        round(coalesce(city_spread.spread / nullif(city_ratio.ratio, 0), rule.assumed_spread), 8) as decimal(18, 8)
    ) as relative_spread
from origin
cross join division
cross join {{ ref('place_step') }} as edge
cross join rule
left join division_ratio as own
    on
        own.origin_year = origin.origin_year
        and own.division_code = division.division_code
        and own.from_node = edge.from_node
        and own.to_node = edge.to_node
left join city_ratio
    on
        city_ratio.origin_year = origin.origin_year
        and city_ratio.from_node = edge.from_node
        and city_ratio.to_node = edge.to_node
left join city_spread
    on city_spread.origin_year = origin.origin_year and city_spread.to_node = edge.to_node
left join {{ ref('ana_place_node') }} as from_now
    on
        from_now.first_year = origin.origin_year
        and from_now.division_code = division.division_code
        and from_now.node = edge.from_node
left join {{ ref('ana_place_node') }} as to_now
    on
        to_now.first_year = origin.origin_year
        and to_now.division_code = division.division_code
        and to_now.node = edge.to_node
