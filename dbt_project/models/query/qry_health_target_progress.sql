-- Health is shown below no city here; counties stand, with few hidden, in visualization.health_county. A share of which
-- few learners are inside or outside is not shown, nor what follows from it.
with few as (
    select threshold
    from {{ ref('suppression_threshold') }}
    where topic = 'sensitive'
),

progress as (
    select
        counted.*,
        uncounted.indicator_code is not null or coalesce(counted.fewest >= few.threshold, false) as is_shown,
        uncounted.indicator_code is not null or coalesce(counted.base_fewest >= few.threshold, false) as is_base_shown
    from {{ ref('ana_health_target_progress') }} as counted
    cross join few
    -- Shares of schools tell nothing of a person.
    left join {{ ref('indicator_counted') }} as uncounted on uncounted.indicator_code = counted.indicator_code
    where counted.area_level = 'city'
)

select
    progress.indicator_code,
    rule.indicator_name,
    progress.period,
    progress.area_level,
    progress.area_id,
    division.division_name as area_name,
    progress.learner_group,
    progress.plan_code,
    progress.plan_name,
    case when progress.is_shown then progress.value end as value,
    progress.target_year,
    progress.comparator,
    progress.target_value,
    case when progress.is_shown then progress.distance end as distance,
    case when progress.is_shown then progress.is_target_met end as is_target_met,
    progress.base_year,
    case when progress.is_base_shown then progress.base_value end as base_value,
    case when progress.is_base_shown then progress.expected_value end as expected_value,
    case when progress.is_shown and progress.is_base_shown then progress.is_on_path end as is_on_path,
    progress.data_status
from progress
inner join {{ ref('indicator') }} as rule on rule.indicator_code = progress.indicator_code
left join {{ ref('dim_division') }} as division
    on division.division_code = progress.area_id and division.is_current
