-- Every school of the county has met, and every coefficient of variation is within its limit.
with school as (
    select
        verdict.school_year,
        verdict.division_code,
        verdict.stage,
        count(*) as schools,
        count(*) filter (where verdict.is_met) as schools_met,
        count(*) filter (where not verdict.is_met) as schools_failed,
        min(status.sort_order) as status_order
    from {{ ref('ana_balanced_verdict') }} as verdict
    inner join {{ ref('data_status') }} as status on status.data_status = verdict.data_status
    group by verdict.school_year, verdict.division_code, verdict.stage
),

spread as (
    select
        school_year,
        division_code,
        stage,
        count(*) as indicators,
        count(*) filter (where is_met) as cv_met,
        count(*) filter (where not is_met) as cv_failed,
        {{ ordered_text("case when not is_met then cast(indicator_no as varchar) end", 'indicator_no') }}
            as failed_cv_indicators,
        min(cv_limit - cv) as least_cv_distance
    from {{ ref('ana_balanced_county') }}
    group by school_year, division_code, stage
)

select
    school.school_year,
    school.division_code,
    school.stage,
    school.schools,
    school.schools_met,
    school.schools_failed,
    cast(round(100.0 * school.schools_met / school.schools, 2) as decimal(18, 2)) as schools_met_pct,
    spread.cv_met,
    spread.cv_failed,
    spread.failed_cv_indicators,
    cast(spread.least_cv_distance as decimal(18, 6)) as least_cv_distance,
    case
        when school.schools_failed > 0 or spread.cv_failed > 0 then false
        when school.schools_met = school.schools and spread.cv_met = 7 then true
    end as is_met,
    status.data_status
from school
inner join spread
    on
        spread.school_year = school.school_year
        and spread.division_code = school.division_code
        and spread.stage = school.stage
inner join {{ ref('data_status') }} as status on status.sort_order = school.status_order
