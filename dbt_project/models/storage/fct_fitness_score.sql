-- The total that the standard gives for the reported item scores. Weights, levels and cut-offs are dated seeds.
{% set items = [
    'bmi_score', 'vital_capacity_score', 'sprint_50m_score', 'sit_reach_score', 'rope_skipping_score', 'sit_ups_score',
    'shuttle_run_score', 'standing_jump_score', 'strength_score', 'endurance_score'
] %}
with weight as (
    select
        band.grade_code,
        item.valid_from,
        item.valid_to,
    {% for item in items -%}
        coalesce(max(item.weight_pct) filter (where item.item = '{{ item }}'), 0) as {{ item }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from {{ ref('fitness_grade_band') }} as band
    inner join {{ ref('fitness_weight') }} as item on item.grade_band = band.grade_band
    group by band.grade_code, item.valid_from, item.valid_to
),

weighed as (
    select
        tested.school_id,
        tested.period,
        tested.row_key,
        tested.person_id,
        tested.sex_code,
        tested.grade_code,
        grade.stage,
        coalesce(tested.is_exempt, false) as is_exempt,
        tested.bonus_score,
        tested.reported_total,
        -- The standard gives the index to one decimal, and its limits speak of that.
        round(
            cast(tested.weight_kg * 10000 / (tested.height_cm * tested.height_cm) as decimal(18, 10)), 1
        ) as bmi,
        case
            when weight.grade_code is not null
                then
            {% for item in items -%}
                    case when weight.{{ item }} > 0 and tested.{{ item }} is null then 1 else 0 end
                    {{- ' +' if not loop.last }}
            {% endfor %}
        end as items_missing,
        {% for item in items -%}
            weight.{{ item }} * coalesce(tested.{{ item }}, 0)
            {{- ' +' if not loop.last }}
        {% endfor %}
            as hundredfold
    from {{ ref('fct_fitness') }} as tested
    inner join {{ ref('dim_grade') }} as grade on grade.grade_code = tested.grade_code
    left join weight on weight.grade_code = tested.grade_code and {{ is_valid_in('weight', 'tested.period') }}
),

totalled as (
    select
        *,
        case
            when not is_exempt and items_missing = 0
                then round(cast(hundredfold as decimal(12, 1)) * 0.01 + least(coalesce(bonus_score, 0), 20), 1)
        end as total_score
    from weighed
),

levelled as (
    select
        totalled.*,
        level.level_code,
        level.is_good,
        row_number() over (
            partition by totalled.school_id, totalled.period, totalled.row_key
            order by level.minimum desc
        ) as level_no
    from totalled
    left join {{ ref('fitness_level') }} as level
        on level.minimum <= totalled.total_score and {{ is_valid_in('level', 'totalled.period') }}
)

select
    levelled.school_id,
    levelled.period,
    levelled.row_key,
    levelled.person_id,
    levelled.sex_code,
    levelled.grade_code,
    levelled.stage,
    levelled.is_exempt,
    levelled.items_missing,
    cast(levelled.total_score as decimal(5, 1)) as total_score,
    levelled.level_code,
    levelled.is_good,
    levelled.reported_total,
    levelled.total_score <> levelled.reported_total as is_total_different,
    cast(case when not levelled.is_exempt then levelled.bmi end as decimal(5, 1)) as bmi,
    case
        when levelled.is_exempt then null
        when levelled.bmi < limits.normal_low then 'low'
        when levelled.bmi <= limits.normal_high then 'normal'
        when limits.obese_low is null then case when levelled.bmi > limits.normal_high then 'above' end
        when levelled.bmi < limits.obese_low then 'overweight'
        when levelled.bmi >= limits.obese_low then 'obese'
    end as bmi_class
from levelled
left join {{ ref('bmi_limit') }} as limits
    on
        limits.grade_code = levelled.grade_code
        and limits.sex_code = levelled.sex_code
        and {{ is_valid_in('limits', 'levelled.period') }}
where levelled.level_no = 1
