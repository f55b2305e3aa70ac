select
    plan.fiscal_year,
    plan.division_code,
    division.division_name,
    plan.indicator_code as plan_indicator_code,
    plan.indicator_name,
    plan.indicator_unit,
    plan.attribute_code,
    attribute.name as attribute_name,
    plan.direction_code,
    plan.baseline_2020,
    plan.target_2025,
    plan.target_value,
    plan.actual_value,
    case
        when plan.actual_value is null or plan.target_value is null then null
        when plan.direction_code = '2' then plan.actual_value <= plan.target_value
        else plan.actual_value >= plan.target_value
    end as is_year_target_met,
    plan.cut_off_date
from {{ ref('fct_plan_indicator') }} as plan
left join {{ ref('dim_code') }} as attribute
    on attribute.code_set = 'PLAN_ATTRIBUTE' and attribute.code = plan.attribute_code
left join {{ ref('dim_division') }} as division
    on division.division_code = plan.division_code and division.is_current
