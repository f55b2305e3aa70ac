select
    gap.school_year,
    gap.group_code,
    named.group_name,
    school.division_code,
    division.division_name,
    gap.school_id,
    school.school_name,
    gap.stage,
    stage.stage_name,
    gap.indicator_code,
    rule.indicator_name,
    rule.unit,
    gap.value,
    gap.core_value,
    gap.difference,
    gap.share_of_core_pct,
    gap.is_behind
from {{ ref('ana_group_member_gap') }} as gap
inner join {{ ref('dim_school_group') }} as named
    on named.school_year = gap.school_year and named.group_code = gap.group_code
inner join {{ ref('indicator') }} as rule on rule.indicator_code = gap.indicator_code
inner join {{ ref('dim_stage') }} as stage on stage.stage = gap.stage
inner join {{ ref('dim_school') }} as school
    on school.school_id = gap.school_id and school.school_year = gap.school_year and school.term = 1
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
