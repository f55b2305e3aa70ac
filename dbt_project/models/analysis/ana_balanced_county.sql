-- Pupil-weighted coefficient of variation (教督〔2017〕6号): mean = Σx/ΣP, S = √(Σ P(x/P − mean)² / ΣP), CV = S/mean.
-- Terms are DECIMAL before they are summed, so that the sum does not depend on the order of rows.
with least_confirmed as (
    select
        school.school_year,
        school.division_code,
        school.stage,
        school.indicator_no,
        min(status.sort_order) as status_order
    from {{ ref('ana_balanced_value') }} as school
    inner join {{ ref('data_status') }} as status on status.data_status = school.data_status
    where school.value_exact is not null
    group by school.school_year, school.division_code, school.stage, school.indicator_no
),

mean_value as (
    select
        school_year,
        division_code,
        stage,
        indicator_no,
        count(value_exact) as schools,
        coalesce(sum(pupils) filter (where value_exact is not null), 0) as pupils,
        sum(cast(value_exact * pupils as decimal(38, 8)))
        / nullif(sum(pupils) filter (where value_exact is not null), 0) as mean_exact
    from {{ ref('ana_balanced_value') }}
    group by school_year, division_code, stage, indicator_no
),

spread as (
    select
        school.school_year,
        school.division_code,
        school.stage,
        school.indicator_no,
        sum(cast(
            school.pupils * power(cast(school.value_exact as double) - cast(mean_value.mean_exact as double), 2)
            as decimal(38, 8)
        )) as weighted_squares
    from {{ ref('ana_balanced_value') }} as school
    inner join mean_value
        on
            mean_value.school_year = school.school_year
            and mean_value.division_code = school.division_code
            and mean_value.stage = school.stage
            and mean_value.indicator_no = school.indicator_no
    where school.value_exact is not null
    group by school.school_year, school.division_code, school.stage, school.indicator_no
),

measured as (
    select
        mean_value.school_year,
        mean_value.division_code,
        mean_value.stage,
        mean_value.indicator_no,
        mean_value.schools,
        mean_value.pupils,
        cast(mean_value.mean_exact as double) as mean_exact,
        sqrt(cast(spread.weighted_squares as double) / mean_value.pupils) as std_exact,
        case when mean_value.schools = 0 then 'missing' else confirmed.data_status end as data_status
    from mean_value
    left join spread
        on
            spread.school_year = mean_value.school_year
            and spread.division_code = mean_value.division_code
            and spread.stage = mean_value.stage
            and spread.indicator_no = mean_value.indicator_no
    left join least_confirmed
        on
            least_confirmed.school_year = mean_value.school_year
            and least_confirmed.division_code = mean_value.division_code
            and least_confirmed.stage = mean_value.stage
            and least_confirmed.indicator_no = mean_value.indicator_no
    left join {{ ref('data_status') }} as confirmed on confirmed.sort_order = least_confirmed.status_order
)

select
    measured.school_year,
    measured.division_code,
    measured.stage,
    measured.indicator_no,
    cast(round(measured.mean_exact, 6) as decimal(18, 6)) as mean,
    cast(round(measured.std_exact, 6) as decimal(18, 6)) as std,
    cast(round(measured.std_exact / nullif(measured.mean_exact, 0), 6) as decimal(18, 6)) as cv,
    cast(rule.cv_limit as decimal(6, 4)) as cv_limit,
    case
        when status.allows_verdict
            then measured.std_exact / nullif(measured.mean_exact, 0) <= cast(rule.cv_limit as double)
    end as is_met,
    measured.schools,
    cast(measured.pupils as bigint) as pupils,
    measured.data_status
from measured
inner join {{ ref('balanced_threshold') }} as rule
    on
        rule.stage = measured.stage
        and rule.indicator_no = measured.indicator_no
        and {{ is_valid_in('rule', 'measured.school_year') }}
inner join {{ ref('data_status') }} as status on status.data_status = measured.data_status
