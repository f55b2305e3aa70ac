select
    gap.school_year,
    gap.division_code,
    division.division_name,
    gap.school_id,
    school.school_name,
    gap.stage,
    stage.stage_name,
    gap.indicator_no,
    rule.indicator_name,
    gap.unit,
    gap.pupils,
    gap.value,
    gap.threshold,
    gap.distance,
    gap.lacking,
    gap.lacking_to_floor,
    gap.lacking_of_school,
    gap.data_status
from {{ ref('ana_balanced_gap') }} as gap
inner join {{ ref('balanced_threshold') }} as rule
    on
        rule.stage = gap.stage
        and rule.indicator_no = gap.indicator_no
        and {{ is_valid_in('rule', 'gap.school_year') }}
inner join {{ ref('dim_stage') }} as stage on stage.stage = gap.stage
inner join {{ ref('dim_school') }} as school
    on school.school_id = gap.school_id and school.school_year = gap.school_year and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = gap.division_code and division.is_current
