with reported as (
    {{ current_rows('plan_indicator', [
        'submitter_org', 'period', 'row_key', 'division_code', 'indicator_code', 'indicator_name',
        'indicator_unit', 'attribute_code', 'direction_code', 'baseline_2020', 'target_2025', 'target_value',
        'actual_value', 'cut_off_date', 'evidence_no'
    ], owner='submitter_org') }}
)

select
    reported.submitter_org,
    reported.period,
    {{ period_year('reported.period') }} as fiscal_year,
    reported.row_key,
    reported.division_code,
    reported.indicator_code,
    reported.indicator_name,
    reported.indicator_unit,
    reported.attribute_code,
    reported.direction_code,
    reported.baseline_2020,
    reported.target_2025,
    reported.target_value,
    reported.actual_value,
    reported.cut_off_date,
    reported.evidence_no
from reported
