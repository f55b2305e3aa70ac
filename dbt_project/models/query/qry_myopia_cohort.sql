-- Health is shown below no city: a cohort of one county is few children. The cohorts of an autumn add up to the stage,
-- so where one of them is of few, none of that autumn and group is shown.
with few as (
    select threshold
    from {{ ref('suppression_threshold') }}
    where topic = 'sensitive'
),

cohort as (
    select
        counted.*,
        bool_and(
            counted.myopic >= few.threshold and counted.judged - counted.myopic >= few.threshold
        ) over (partition by counted.school_year, counted.learner_group) as is_shown,
        bool_and(
            counted.newly_myopic >= few.threshold and counted.at_risk - counted.newly_myopic >= few.threshold
        ) over (partition by counted.school_year, counted.learner_group) as is_new_shown
    from {{ ref('ana_myopia_cohort') }} as counted
    cross join few
    where counted.area_level = 'city'
)

select
    cohort.primary_entry_year,
    cohort.school_year,
    cohort.area_level,
    cohort.area_id,
    division.division_name as area_name,
    cohort.learner_group,
    cohort.judged,
    case when cohort.is_shown then cohort.myopic end as myopic,
    case when cohort.is_shown then cohort.myopia_rate end as myopia_rate,
    case when cohort.is_new_shown then cohort.at_risk end as at_risk,
    case when cohort.is_new_shown then cohort.newly_myopic end as newly_myopic,
    case when cohort.is_new_shown then cohort.incidence_rate end as incidence_rate,
    cohort.data_status
from cohort
left join {{ ref('dim_division') }} as division
    on division.division_code = cohort.area_id and division.is_current
