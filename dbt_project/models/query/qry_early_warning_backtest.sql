-- What early_warning does not show is left out: how many schools had a warning says how few children there were.
select
    shown.rule_code,
    rule.rule_name,
    shown.area_level,
    shown.school_year,
    rule.threshold,
    rule.outcome_threshold,
    shown.areas,
    shown.warned,
    shown.happened,
    shown.warned_and_happened,
    shown.precision_pct,
    shown.recall_pct
from {{ ref('ana_early_warning_backtest') }} as shown
inner join {{ ref('early_warning_rule') }} as rule
    on
        rule.rule_code = shown.rule_code
        and rule.area_level = shown.area_level
        and {{ is_valid_in('rule', 'shown.school_year') }}
where rule.shown_as <> 'none'
