with opinion as (
    select
        plan_code,
        evaluation,
        indicator_code,
        count(*) as opinions,
        count(*) filter (where opinion_state = 'adopted') as opinions_adopted,
        count(*) filter (where opinion_state = 'partly_adopted') as opinions_partly_adopted,
        count(*) filter (where opinion_state = 'not_adopted') as opinions_not_adopted
    from {{ ref('mgt_plan_opinion') }}
    where indicator_code is not null
    group by plan_code, evaluation, indicator_code
)

select
    result.plan_code,
    result.evaluation,
    result.evaluation_name,
    result.evaluation_cut_off,
    result.division_code,
    division.division_name,
    result.indicator_code,
    result.indicator_name,
    result.attribute_code,
    result.fiscal_year,
    result.actual_value,
    result.cut_off_date,
    result.evidence_no,
    result.final_target,
    result.distance_to_target,
    result.result,
    coalesce(opinion.opinions, 0) as opinions,
    coalesce(opinion.opinions_adopted, 0) as opinions_adopted,
    coalesce(opinion.opinions_partly_adopted, 0) as opinions_partly_adopted,
    coalesce(opinion.opinions_not_adopted, 0) as opinions_not_adopted
from {{ ref('ana_plan_evaluation') }} as result
left join opinion
    on
        opinion.plan_code = result.plan_code
        and opinion.evaluation = result.evaluation
        and opinion.indicator_code = result.indicator_code
left join {{ ref('dim_division') }} as division
    on division.division_code = result.division_code and division.is_current
