-- At least six of the seven standards are met and the other one to 85 % (教督〔2017〕6号). What is already lost is lost
-- whatever is still missing: two standards not met, or one below 85 %.
with counted as (
    select
        value.school_year,
        value.division_code,
        value.school_id,
        value.stage,
        value.pupils,
        count(*) as indicators,
        count(value.value) as indicators_valued,
        count(*) filter (where value.is_met) as indicators_met,
        count(*) filter (where not value.is_met) as indicators_failed,
        count(*) filter (where not value.is_floor_met) as indicators_below_floor,
        {{ ordered_text(
            "case when not value.is_met then cast(value.indicator_no as varchar) end", 'value.indicator_no'
        ) }}
            as failed_indicators,
        -- How far the worst one is from its standard, in its share of the standard.
        min(value.value / value.threshold) as least_share,
        min(status.sort_order) as status_order
    from {{ ref('ana_balanced_school') }} as value
    inner join {{ ref('data_status') }} as status on status.data_status = value.data_status
    group by value.school_year, value.division_code, value.school_id, value.stage, value.pupils
)

select
    counted.school_year,
    counted.division_code,
    counted.school_id,
    counted.stage,
    counted.pupils,
    counted.indicators_valued,
    counted.indicators_met,
    counted.indicators_failed,
    counted.indicators_below_floor,
    counted.failed_indicators,
    cast(round(100 * counted.least_share, 2) as decimal(18, 2)) as least_share_pct,
    case
        when counted.indicators_failed >= 2 or counted.indicators_below_floor > 0 then false
        when
            counted.indicators_met + counted.indicators_failed = counted.indicators and counted.indicators = 7
            then true
    end as is_met,
    status.data_status
from counted
inner join {{ ref('data_status') }} as status on status.sort_order = counted.status_order
