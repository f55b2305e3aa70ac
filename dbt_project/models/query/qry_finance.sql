-- A fiscal year is joined with the school as it stood in the autumn of that year.
select
    finance.fiscal_year,
    school.division_code,
    division.division_name,
    finance.school_id,
    school.school_name,
    school.school_kind_name,
    school.managing_org,
    school.is_private,
    school.urban_rural_group,
    finance.stage_code,
    stage.name as finance_stage_name,
    finance.item_code,
    item.name as item_name,
    finance.amount_yuan
from {{ ref('fct_finance') }} as finance
inner join {{ ref('dim_school') }} as school
    on
        school.school_id = finance.school_id
        and school.term = 1
        and {{ period_year('school.period') }} = finance.fiscal_year
left join {{ ref('dim_division') }} as division
    on division.division_code = school.division_code and division.is_current
left join {{ ref('dim_code') }} as stage on stage.code_set = 'STAGE' and stage.code = finance.stage_code
left join {{ ref('dim_code') }} as item on item.code_set = 'FINANCE_ITEM' and item.code = finance.item_code
