select
    rule.indicator_code,
    rule.indicator_name,
    rule.topic,
    topic.topic_name,
    topic.sort_order,
    topic.is_sensitive,
    rule.unit,
    rule.direction,
    rule.decimals,
    rule.numerator_text,
    rule.denominator_text,
    rule.population_text,
    rule.exclusion_text,
    rule.missing_text,
    rule.home_table,
    rule.valid_from,
    rule.valid_to,
    rule.source
from {{ ref('indicator') }} as rule
inner join {{ ref('indicator_topic') }} as topic on topic.topic = rule.topic
