-- What everybody may see: figures and verdicts of schools, classes and money. Shares of persons stay with the protected
-- tables of indicators; that nobody sends the data, or some of it did not come, tells of no person.
with counted as (
    select
        rule.indicator_code,
        coalesce(told.counted, 'persons') <> 'persons' as is_shown
    from {{ ref('indicator') }} as rule
    left join {{ ref('indicator_counted') }} as told on told.indicator_code = rule.indicator_code
)

select
    county.school_year,
    county.division_code,
    county.division_name,
    county.requirement_group,
    county.group_name,
    county.requirement_no,
    county.requirement_name,
    county.measure_no,
    county.stage_names,
    county.indicator_code,
    county.indicator_name,
    county.unit,
    county.standard_text,
    case when counted.is_shown then county.value end as value,
    county.threshold,
    case
        when counted.is_shown or county.verdict in ('not_collected', 'not_reported') then county.verdict
    end as verdict,
    case
        when counted.is_shown or county.verdict in ('not_collected', 'not_reported') then county.verdict_name
    end as verdict_name,
    counted.is_shown as is_public,
    county.lacking_text,
    county.data_status,
    county.source
from {{ ref('qry_balanced_requirement') }} as county
inner join counted on counted.indicator_code = county.indicator_code
