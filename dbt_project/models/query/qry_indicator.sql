select
    figure.indicator_code,
    rule.indicator_name,
    topic.topic_name,
    figure.period,
    figure.area_level,
    figure.area_id,
    figure.division_code,
    division.division_name,
    figure.school_id,
    school.school_name,
    figure.stage,
    stage.stage_name,
    figure.breakdown,
    cut.breakdown_name,
    figure.breakdown_value,
    cut.breakdown_value_name,
    figure.numerator,
    figure.denominator,
    figure.value,
    rule.unit,
    figure.value_state,
    figure.threshold,
    figure.is_met,
    figure.schools_expected,
    figure.schools_reported,
    figure.data_status
from {{ ref('ana_indicator_value') }} as figure
inner join {{ ref('indicator') }} as rule on rule.indicator_code = figure.indicator_code
inner join {{ ref('indicator_topic') }} as topic on topic.topic = rule.topic
left join {{ ref('dim_division') }} as division
    on division.division_code = figure.division_code and division.is_current
left join {{ ref('dim_school') }} as school
    on
        school.school_id = figure.school_id
        and school.term = 1
        and {{ period_year('school.period') }} = {{ period_year('figure.period') }}
left join {{ ref('dim_stage') }} as stage on stage.stage = figure.stage
left join {{ ref('indicator_breakdown') }} as cut
    on cut.breakdown = figure.breakdown and cut.breakdown_value = figure.breakdown_value
-- Health is shown of the whole city only, and groups of learners such as the disabled are not shown here at all:
-- query.health has them, with few hidden.
where
    not (topic.is_sensitive and (figure.area_level <> 'city' or figure.breakdown <> 'all'))
    and figure.breakdown <> 'support'
    and not (
        figure.area_level <> 'city'
        and exists (
            select 1
            from {{ ref('indicator_withheld') }} as withheld
            where withheld.indicator_code = figure.indicator_code and withheld.withheld_from = 'below_city'
        )
    )
