select
    cohort.primary_entry_year,
    cohort.school_year,
    cohort.area_level,
    cohort.area_id,
    division.division_name as area_name,
    cohort.learner_group,
    cohort.judged,
    cohort.myopic,
    cohort.myopia_rate,
    cohort.at_risk,
    cohort.newly_myopic,
    cohort.incidence_rate,
    cohort.data_status
from {{ ref('ana_myopia_cohort') }} as cohort
left join {{ ref('dim_division') }} as division
    on division.division_code = cohort.area_id and division.is_current
