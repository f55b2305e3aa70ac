select
    gap.school_year,
    gap.group_code,
    named.group_name,
    gap.stage,
    stage.stage_name,
    gap.indicator_code,
    rule.indicator_name,
    rule.unit,
    gap.core_value,
    gap.members_value,
    gap.difference,
    gap.share_of_core_pct,
    gap.members,
    gap.members_valued,
    gap.members_behind,
    gap.furthest_school_id,
    school.school_name as furthest_school_name,
    gap.furthest_value
from {{ ref('ana_group_gap') }} as gap
inner join {{ ref('dim_school_group') }} as named
    on named.school_year = gap.school_year and named.group_code = gap.group_code
inner join {{ ref('indicator') }} as rule on rule.indicator_code = gap.indicator_code
inner join {{ ref('dim_stage') }} as stage on stage.stage = gap.stage
left join {{ ref('dim_school') }} as school
    on school.school_id = gap.furthest_school_id and school.school_year = gap.school_year and school.term = 1
