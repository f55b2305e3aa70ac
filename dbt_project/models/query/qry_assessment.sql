-- A mean of very few scores is nearly somebody's score: it is left out below the small number of ordinary topics.
with small as (
    select max(threshold) as threshold -- one value is valid at a time; the strictest that ever was protects all years
    from {{ ref('suppression_threshold') }}
    where topic = 'ordinary'
),

result as (
    select
        school_id,
        school_year,
        term,
        assessment_kind_code,
        grade_code,
        subject_code,
        count(*) as learners,
        count(*) filter (where score is not null and full_score > 0) as scored,
        sum(cast(100 * score / nullif(full_score, 0) as decimal(18, 6))) as rate_sum
    from {{ ref('fct_assessment') }}
    group by school_id, school_year, term, assessment_kind_code, grade_code, subject_code
)

select
    result.school_year,
    result.term,
    school.division_code,
    division.division_name,
    result.school_id,
    school.school_name,
    school.managing_org,
    school.urban_rural_group,
    result.assessment_kind_code,
    kind.name as assessment_kind_name,
    grade.stage,
    stage.stage_name,
    result.grade_code,
    grade.grade_name,
    result.subject_code,
    subject.name as subject_name,
    result.learners,
    result.scored,
    case
        when result.scored >= small.threshold
            then cast(round(cast(result.rate_sum as decimal(28, 6)) / result.scored, 2) as decimal(5, 2))
    end as mean_score_pct,
    result.scored > 0 and result.scored < small.threshold as is_small_group
from result
cross join small
inner join {{ ref('dim_school') }} as school
    on school.school_id = result.school_id and school.school_year = result.school_year and school.term = result.term
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = result.grade_code
inner join {{ ref('dim_stage') }} as stage on stage.stage = grade.stage
left join {{ ref('dim_code') }} as kind
    on kind.code_set = 'ASSESSMENT_KIND' and kind.code = result.assessment_kind_code
left join {{ ref('dim_code') }} as subject on subject.code_set = 'ZXXKC' and subject.code = result.subject_code
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
