-- Mid-term and final evaluation: the newest figure whose own cut-off date is not after that of the evaluation, with the
-- number of its evidence. The mid-term is measured against the path, the final against the target.
with candidate as (
    select
        evaluation.evaluation,
        evaluation.evaluation_name,
        evaluation.cut_off_date as evaluation_cut_off,
        progress.*,
        row_number() over (
            partition by
                evaluation.plan_code, evaluation.evaluation, progress.division_code, progress.indicator_code
            order by
                case
                    when progress.actual_value is not null and progress.cut_off_date <= evaluation.cut_off_date then 0
                    else 1
                end,
                progress.fiscal_year desc
        ) as newest_no
    from {{ ref('plan_evaluation') }} as evaluation
    inner join {{ ref('ana_plan_progress') }} as progress on progress.plan_code = evaluation.plan_code
),

chosen as (
    select
        *,
        coalesce(actual_value is not null and cut_off_date <= evaluation_cut_off, false) as is_in_time
    from candidate
    where newest_no = 1
)

select
    plan_code,
    evaluation,
    evaluation_name,
    evaluation_cut_off,
    division_code,
    indicator_code,
    indicator_name,
    attribute_code,
    case when is_in_time then fiscal_year end as fiscal_year,
    case when is_in_time then actual_value end as actual_value,
    case when is_in_time then cut_off_date end as cut_off_date,
    case when is_in_time then evidence_no end as evidence_no,
    final_target,
    case when is_in_time then distance_to_target end as distance_to_target,
    case
        when not is_in_time then 'not_reported'
        when evidence_no is null then 'no_evidence'
        when distance_to_target <= 0 then 'reached'
        when evaluation = 'mid_term' and light = 'green' then 'on_path'
        else 'behind'
    end as result
from chosen
