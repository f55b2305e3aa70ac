select
    forecast.origin_school_year,
    forecast.school_year,
    forecast.horizon,
    forecast.area_level,
    forecast.division_code,
    division.division_name,
    forecast.stage,
    stage.stage_name,
    forecast.school_age_population,
    forecast.learners,
    forecast.learners_low,
    forecast.learners_high,
    forecast.places,
    forecast.surplus,
    forecast.shortage,
    forecast.outlook,
    forecast.basis,
    forecast.is_base_complete
from {{ ref('ana_place_forecast') }} as forecast
inner join {{ ref('dim_stage') }} as stage on stage.stage = forecast.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = forecast.division_code and division.is_current
