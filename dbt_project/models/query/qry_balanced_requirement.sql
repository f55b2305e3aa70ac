with requirement as (
    select
        rule.requirement_group,
        rule.group_name,
        rule.requirement_no,
        rule.requirement_name,
        rule.standard_text,
        rule.measure_no,
        rule.indicator_code,
        rule.valid_from,
        rule.valid_to,
        rule.source,
        -- A measure may be of several stages.
        replace({{ ordered_text('stage.stage_name', 'stage.sort_order') }}, ',', '、') as stage_names
    from {{ ref('balanced_requirement') }} as rule
    left join {{ ref('stage') }} as stage on stage.stage = rule.stage
    group by
        rule.requirement_group, rule.group_name, rule.requirement_no, rule.requirement_name, rule.standard_text,
        rule.measure_no, rule.indicator_code, rule.valid_from, rule.valid_to, rule.source
)

select
    county.school_year,
    county.division_code,
    division.division_name,
    county.requirement_group,
    requirement.group_name,
    county.requirement_no,
    requirement.requirement_name,
    county.measure_no,
    requirement.stage_names,
    county.indicator_code,
    rule.indicator_name,
    rule.unit,
    requirement.standard_text,
    county.numerator,
    county.denominator,
    county.value,
    county.comparator,
    county.threshold,
    county.distance,
    county.verdict,
    word.verdict_name,
    county.requirement_verdict,
    whole.verdict_name as requirement_verdict_name,
    -- Why there is no figure; empty where there is one.
    case when county.verdict = 'not_collected' then rule.missing_text end as lacking_text,
    county.schools_expected,
    county.schools_reported,
    county.data_status,
    requirement.source
from {{ ref('ana_balanced_requirement') }} as county
inner join requirement
    on
        requirement.requirement_group = county.requirement_group
        and requirement.requirement_no = county.requirement_no
        and requirement.measure_no = county.measure_no
        and requirement.indicator_code = county.indicator_code
        and {{ is_valid_in('requirement', 'county.school_year') }}
inner join {{ ref('indicator') }} as rule on rule.indicator_code = county.indicator_code
inner join {{ ref('requirement_verdict') }} as word on word.verdict = county.verdict
inner join {{ ref('requirement_verdict') }} as whole on whole.verdict = county.requirement_verdict
left join {{ ref('dim_division') }} as division
    on division.division_code = county.division_code and division.is_current
