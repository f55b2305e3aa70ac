select
    verdict.school_year,
    verdict.division_code,
    division.division_name,
    verdict.school_id,
    school.school_name,
    verdict.stage,
    stage.stage_name,
    verdict.pupils,
    verdict.indicators_valued,
    verdict.indicators_met,
    verdict.indicators_failed,
    verdict.indicators_below_floor,
    verdict.failed_indicators,
    verdict.least_share_pct,
    verdict.is_met,
    county.is_met as is_county_met,
    county.schools_met_pct as county_schools_met_pct,
    county.cv_met as county_cv_met,
    verdict.data_status
from {{ ref('ana_balanced_verdict') }} as verdict
inner join {{ ref('ana_balanced_county_verdict') }} as county
    on
        county.school_year = verdict.school_year
        and county.division_code = verdict.division_code
        and county.stage = verdict.stage
inner join {{ ref('dim_stage') }} as stage on stage.stage = verdict.stage
inner join {{ ref('dim_school') }} as school
    on school.school_id = verdict.school_id and school.school_year = verdict.school_year and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = verdict.division_code and division.is_current
