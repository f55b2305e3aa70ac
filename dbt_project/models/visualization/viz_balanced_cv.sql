select
    county.school_year,
    county.division_code,
    division.division_name,
    county.stage,
    stage.stage_name,
    county.indicator_no,
    rule.indicator_name,
    rule.unit,
    county.mean,
    county.cv,
    county.cv_limit,
    county.is_met,
    county.schools,
    county.data_status
from {{ ref('ana_balanced_county') }} as county
inner join {{ ref('balanced_threshold') }} as rule
    on
        rule.stage = county.stage
        and rule.indicator_no = county.indicator_no
        and {{ is_valid_in('rule', 'county.school_year') }}
inner join {{ ref('dim_stage') }} as stage on stage.stage = county.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = county.division_code and division.is_current
