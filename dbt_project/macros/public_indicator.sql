{# What everybody may see of the indicators: counties and the city, uncut. Numbers of persons are not here (they are of
   visualization.pupils_by_stage_county); of shares of persons only the two counts are, so that both follow what
   suppression lets out, and the reader divides. A share of persons needs a part that is within its whole. #}
{% macro public_county_indicators(is_sensitive) -%}
with figure as (
    select
        shown.indicator_code,
        shown.period,
        shown.division_code,
        shown.stage,
        shown.numerator,
        shown.denominator,
        shown.value,
        shown.value_state,
        shown.threshold,
        shown.is_met,
        shown.schools_expected,
        shown.schools_reported,
        shown.data_status,
        rule.indicator_name,
        rule.topic,
        rule.unit,
        rule.multiplier,
        rule.decimals,
        rule.combine,
        shown.stage in ('compulsory', 'upper_secondary', 'all') as is_of_stages,
        rule.unit = '%' and coalesce(counted.counted, 'persons') = 'persons' and rule.combine in ('ratio', 'area')
            as is_person_share,
        coalesce(counted.counted, 'persons') = 'persons' as is_of_persons
    from {{ ref('ana_indicator_value') }} as shown
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = shown.indicator_code
    inner join {{ ref('indicator_topic') }} as topic on topic.topic = rule.topic
    left join {{ ref('indicator_counted') }} as counted on counted.indicator_code = shown.indicator_code
    where
        topic.is_sensitive = {{ is_sensitive }}
        and shown.area_level = 'county'
        and shown.breakdown = 'all'
        and not exists (
            select 1
            from {{ ref('indicator_withheld') }} as withheld
            where withheld.indicator_code = shown.indicator_code and withheld.withheld_from = 'public'
        )
        and not (
            rule.combine = 'count'
            and rule.unit in ('人', '人次')
            and coalesce(counted.counted, 'persons') = 'persons'
        )
),

judged as (
    select
        figure.*,
        figure.is_person_share
        and coalesce(bool_and(
            figure.numerator = trunc(figure.numerator)
            and figure.denominator = trunc(figure.denominator)
            and figure.numerator between 0 and figure.denominator
        ) over (partition by figure.indicator_code, figure.period), false) as is_protected,
        -- Stages that are made of others would tell what their parts hide.
        figure.is_of_stages
        and coalesce(bool_or(not figure.is_of_stages) over (
            partition by figure.indicator_code, figure.period
        ), false) as is_sum_of_stages
    from figure
),

spaced as (
    select
        judged.*,
        judged.numerator - lag(judged.numerator) over (
            partition by
                judged.topic, judged.is_protected, judged.period, judged.division_code, judged.stage, judged.denominator
            order by judged.numerator, judged.indicator_code
        ) as gap
    from judged
    where
        not (judged.is_sum_of_stages and judged.is_person_share)
        -- Pupils of special schools are so few in a county that the base of a share or mean would tell a hidden number.
        and not (judged.stage = 'special' and judged.is_of_persons)
),

-- Indicators of one county that have the same base may be parts of each other (excellent within good): where two of them
-- differ by few persons, both together tell of the few, and none of that base is shown.
shown as (
    select
        spaced.*,
        spaced.is_protected
        and coalesce(bool_or(spaced.gap > 0 and spaced.gap < small.threshold) over (
            partition by
                spaced.topic, spaced.is_protected, spaced.period, spaced.division_code, spaced.stage,
                spaced.denominator
        ), false) as is_close,
        -- A mean over few, beside the number of the others, tells how many they are: pupils by their ratio to teachers.
        -- So does a share that few lack to the whole, where another area has more than the whole and none is protected.
        not spaced.is_protected
        and spaced.is_of_persons
        and spaced.combine in ('ratio', 'area')
        and (
            coalesce(least(nullif(spaced.numerator, 0), nullif(spaced.denominator, 0)) < small.threshold, false)
            or spaced.is_person_share
            and coalesce(
                spaced.denominator > spaced.numerator
                and spaced.denominator - spaced.numerator < small.threshold, false
            )
        ) as is_few
    from spaced
    cross join (
        select max(threshold) as threshold
        from {{ ref('suppression_threshold') }}
        where topic = '{{ "sensitive" if is_sensitive == "true" else "ordinary" }}'
    ) as small
)

select
    shown.indicator_code,
    shown.indicator_name,
    shown.topic,
    shown.period,
    shown.division_code,
    division.division_name,
    shown.stage,
    -- Of a mean over persons the parts would say how many they are, beside the table that hides it.
    case when not shown.is_close and (shown.is_protected or not shown.is_of_persons) then shown.numerator end
        as numerator,
    case when not shown.is_close and (shown.is_protected or not shown.is_of_persons) then shown.denominator end
        as denominator,
    case when not (shown.is_protected or shown.is_few) then shown.value end as value,
    shown.multiplier,
    shown.unit,
    shown.decimals,
    shown.value_state,
    shown.threshold,
    case when not (shown.is_protected or shown.is_few) then shown.is_met end as is_met,
    shown.schools_expected,
    shown.schools_reported,
    shown.data_status,
    shown.is_protected,
    shown.is_close or shown.is_few as is_suppressed
from shown
left join {{ ref('dim_division') }} as division
    on division.division_code = shown.division_code and division.is_current
{%- endmacro %}

{# The city beside its counties: shares of persons are shown only where the counties that are shown make up the city, means
   only where none of its counties is hidden, which the city less the others would tell. #}
{% macro public_city_indicators(counties) -%}
with added as (
    select
        indicator_code,
        period,
        stage,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        bool_or(is_protected) as is_protected,
        bool_or(is_suppressed and not is_protected) as has_few
    from {{ ref(counties) }}
    group by indicator_code, period, stage
)

select
    shown.indicator_code,
    rule.indicator_name,
    rule.topic,
    shown.period,
    shown.division_code,
    shown.stage,
    case when added.is_protected or counted.counted <> 'persons' then shown.numerator end as numerator,
    case when added.is_protected or counted.counted <> 'persons' then shown.denominator end as denominator,
    case when not (added.is_protected or added.has_few) then shown.value end as value,
    rule.multiplier,
    rule.unit,
    rule.decimals,
    shown.value_state,
    shown.threshold,
    case when not (added.is_protected or added.has_few) then shown.is_met end as is_met,
    shown.schools_expected,
    shown.schools_reported,
    shown.data_status,
    coalesce(added.is_protected, false) as is_protected,
    coalesce(added.has_few, false) as is_suppressed
from {{ ref('ana_indicator_value') }} as shown
inner join {{ ref('indicator') }} as rule on rule.indicator_code = shown.indicator_code
inner join added
    on added.indicator_code = shown.indicator_code and added.period = shown.period and added.stage = shown.stage
left join {{ ref('indicator_counted') }} as counted on counted.indicator_code = shown.indicator_code
where
    shown.area_level = 'city'
    and shown.breakdown = 'all'
    and (not added.is_protected or (shown.numerator = added.numerator and shown.denominator = added.denominator))
{%- endmacro %}
