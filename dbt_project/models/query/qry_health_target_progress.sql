-- Health is shown below no city here; counties stand, with few hidden, in visualization.health_county.
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
    progress.value,
    progress.target_year,
    progress.comparator,
    progress.target_value,
    progress.distance,
    progress.is_target_met,
    progress.base_year,
    progress.base_value,
    progress.expected_value,
    progress.is_on_path,
    progress.data_status
from {{ ref('ana_health_target_progress') }} as progress
inner join {{ ref('indicator') }} as rule on rule.indicator_code = progress.indicator_code
left join {{ ref('dim_division') }} as division
    on division.division_code = progress.area_id and division.is_current
where progress.area_level = 'city'
