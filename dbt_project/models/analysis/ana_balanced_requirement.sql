-- The 15 requirements of government assurance and the 9 of quality (教督〔2017〕6号), each of its measures for each county.
-- A development zone is judged with the county that it lies in: numerators and denominators are added up, then divided.
with county as (
    select distinct -- a county has many schools
        school_year,
        evaluated_division_code as division_code
    from {{ ref('dim_school') }}
    where term = 1 and evaluated_division_code is not null
),

owed as (
    select
        county.school_year,
        county.division_code,
        requirement.requirement_group,
        requirement.requirement_no,
        requirement.measure_no,
        requirement.indicator_code,
        requirement.stage,
        rule.combine,
        rule.multiplier
    from county
    inner join {{ ref('balanced_requirement') }} as requirement
        on {{ is_valid_in('requirement', 'county.school_year') }}
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = requirement.indicator_code
),

figure as (
    select
        value.indicator_code,
        value.stage,
        {{ shifted_year('value.period', 0) }} as school_year,
        division.evaluated_with_division as division_code,
        value.numerator,
        value.denominator,
        value.schools_expected,
        value.schools_reported,
        status.sort_order as status_order
    from {{ ref('ana_indicator_value') }} as value
    inner join {{ ref('dim_division') }} as division
        on division.division_code = value.division_code and division.is_current
    inner join {{ ref('data_status') }} as status on status.data_status = value.data_status
    where value.area_level = 'county' and value.breakdown = 'all'
),

summed as (
    select
        owed.school_year,
        owed.division_code,
        owed.requirement_group,
        owed.requirement_no,
        owed.measure_no,
        owed.indicator_code,
        owed.combine,
        max(owed.multiplier) as multiplier,
        max(rule.comparator) as comparator,
        max(rule.threshold) as threshold,
        sum(figure.numerator) as numerator,
        sum(figure.denominator) as denominator,
        coalesce(sum(figure.schools_expected), 0) as schools_expected,
        coalesce(sum(figure.schools_reported), 0) as schools_reported,
        coalesce(min(figure.status_order) filter (where figure.schools_reported > 0), 0) as status_order
    from owed
    left join figure
        on
            figure.indicator_code = owed.indicator_code
            and figure.stage = owed.stage
            and figure.school_year = owed.school_year
            and figure.division_code = owed.division_code
    left join {{ ref('indicator_threshold') }} as rule
        on
            rule.indicator_code = owed.indicator_code
            and rule.stage = owed.stage
            and rule.area_level = 'county'
            and {{ is_valid_in('rule', 'owed.school_year') }}
    group by
        owed.school_year, owed.division_code, owed.requirement_group, owed.requirement_no, owed.measure_no,
        owed.indicator_code, owed.combine
),

valued as (
    select
        summed.*,
        case
            when denominator > 0 then cast(multiplier * numerator as decimal(28, 10)) / denominator
        end as value_exact
    from summed
),

judged as (
    select
        valued.*,
        status.data_status,
        case
            when valued.combine = 'none' then 'not_collected'
            when valued.schools_expected = 0 then 'not_applicable'
            -- What is missing could be better or worse than what came.
            when valued.schools_reported < valued.schools_expected or not status.allows_verdict then 'not_reported'
            when valued.value_exact is null then 'not_applicable'
            when
                case valued.comparator
                    when '>=' then valued.value_exact >= valued.threshold
                    else valued.value_exact <= valued.threshold
                end
                then 'met'
            else 'not_met'
        end as verdict
    from valued
    inner join {{ ref('data_status') }} as status on status.sort_order = valued.status_order
),

-- One measure that is not met decides; else one that nobody can say leaves the requirement open.
decided as (
    select
        judged.*,
        min(word.sort_order) over (
            partition by judged.school_year, judged.division_code, judged.requirement_group, judged.requirement_no
        ) as decided_order
    from judged
    inner join {{ ref('requirement_verdict') }} as word on word.verdict = judged.verdict
)

select
    decided.school_year,
    decided.division_code,
    decided.requirement_group,
    decided.requirement_no,
    decided.measure_no,
    decided.indicator_code,
    cast(decided.numerator as decimal(18, 4)) as numerator,
    cast(decided.denominator as decimal(18, 4)) as denominator,
    cast(round(decided.value_exact, 4) as decimal(18, 4)) as value,
    decided.comparator,
    decided.threshold,
    -- What is missing to the standard is negative, what is over it positive.
    cast(round(
        case decided.comparator
            when '>=' then decided.value_exact - decided.threshold
            else decided.threshold - decided.value_exact
        end, 4
    ) as decimal(18, 4)) as distance,
    decided.verdict,
    word.verdict as requirement_verdict,
    cast(decided.schools_expected as bigint) as schools_expected,
    cast(decided.schools_reported as bigint) as schools_reported,
    decided.data_status
from decided
inner join {{ ref('requirement_verdict') }} as word on word.sort_order = decided.decided_order
