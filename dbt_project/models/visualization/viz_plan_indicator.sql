select
    fiscal_year,
    division_code,
    division_name,
    plan_indicator_code,
    indicator_name,
    indicator_unit,
    attribute_name,
    direction_code,
    baseline_2020,
    target_2025,
    target_value,
    actual_value,
    is_year_target_met,
    cut_off_date
from {{ ref('qry_plan_indicator') }}
