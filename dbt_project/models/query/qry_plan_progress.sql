select
    progress.plan_name,
    progress.fiscal_year,
    progress.division_code,
    division.division_name,
    progress.indicator_code,
    progress.indicator_name,
    progress.indicator_unit,
    attribute.name as attribute_name,
    progress.baseline_value,
    progress.final_target,
    progress.target_value,
    progress.actual_value,
    progress.computed_value,
    progress.is_computed_partial,
    progress.difference_from_computed,
    progress.distance_to_target,
    progress.expected_value,
    progress.progress_pct,
    progress.light,
    progress.cut_off_date,
    progress.evidence_no
from {{ ref('ana_plan_progress') }} as progress
inner join {{ ref('dim_code') }} as attribute
    on attribute.code_set = 'PLAN_ATTRIBUTE' and attribute.code = progress.attribute_code
left join {{ ref('dim_division') }} as division
    on division.division_code = progress.division_code and division.is_current
