-- Held-out years: what would have been forecast from each earlier year, against what came, beside the naïve forecast
-- that everything stays as it was.
with rule as (
    select value as interval_factor
    from {{ ref('forecast_rule') }}
    where rule = 'interval_factor'
),

compared as (
    select
        forecast.origin_year,
        forecast.school_year,
        forecast.horizon,
        forecast.area_level,
        forecast.division_code,
        forecast.stage,
        forecast.basis,
        actual.persons as actual,
        forecast.persons as forecast,
        forecast.persons - rule.interval_factor * forecast.standard_error as low,
        forecast.persons + rule.interval_factor * forecast.standard_error as high,
        naive.persons as naive
    from {{ ref('ana_place_area') }} as forecast
    cross join rule
    inner join {{ ref('ana_place_area') }} as actual
        on
            actual.origin_year = forecast.origin_year + forecast.horizon
            and actual.horizon = 0
            and actual.area_level = forecast.area_level
            and actual.division_code = forecast.division_code
            and actual.stage = forecast.stage
            and actual.measure = forecast.measure
    inner join {{ ref('ana_place_area') }} as naive
        on
            naive.origin_year = forecast.origin_year
            and naive.horizon = 0
            and naive.area_level = forecast.area_level
            and naive.division_code = forecast.division_code
            and naive.stage = forecast.stage
            and naive.measure = forecast.measure
    where
        forecast.measure = 'learners'
        and forecast.horizon > 0
        -- A year with missing schools can neither be forecast from nor be compared with.
        and actual.is_base_complete
        and forecast.is_base_complete
)

select
    cast(origin_year as varchar) || '-' || cast(origin_year + 1 as varchar) as origin_school_year,
    school_year,
    horizon,
    area_level,
    division_code,
    stage,
    basis,
    cast(actual as bigint) as actual,
    cast(round(forecast, 0) as bigint) as forecast,
    cast(round(greatest(low, 0), 0) as bigint) as forecast_low,
    cast(round(high, 0) as bigint) as forecast_high,
    cast(naive as bigint) as naive,
    cast(round(100 * (forecast - actual) / nullif(actual, 0), 4) as decimal(18, 4)) as error_pct,
    cast(round(100 * (naive - actual) / nullif(actual, 0), 4) as decimal(18, 4)) as naive_error_pct,
    actual between low and high as is_within_interval,
    abs(forecast - actual) <= abs(naive - actual) as is_no_worse
from compared
