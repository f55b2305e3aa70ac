-- Health is shown below no city: a cohort of one county is few children. Counts of few are left out with their share.
with few as (
    select threshold
    from {{ ref('suppression_threshold') }}
    where topic = 'sensitive'
)

select
    cohort.primary_entry_year,
    cohort.school_year,
    cohort.area_level,
    cohort.area_id,
    division.division_name as area_name,
    cohort.learner_group,
    cohort.judged,
    case when cohort.myopic >= few.threshold then cohort.myopic end as myopic,
    case when cohort.myopic >= few.threshold then cohort.myopia_rate end as myopia_rate,
    case when cohort.newly_myopic >= few.threshold then cohort.at_risk end as at_risk,
    case when cohort.newly_myopic >= few.threshold then cohort.newly_myopic end as newly_myopic,
    case when cohort.newly_myopic >= few.threshold then cohort.incidence_rate end as incidence_rate,
    cohort.data_status
from {{ ref('ana_myopia_cohort') }} as cohort
cross join few
left join {{ ref('dim_division') }} as division
    on division.division_code = cohort.area_id and division.is_current
where cohort.area_level = 'city' and cohort.judged - cohort.myopic >= few.threshold
