with reported as (
    {{ current_rows('finance', [
        'period', 'row_key', 'school_code', 'stage_code', 'item_code', 'amount_yuan'
    ]) }}
)

select
    school.school_id,
    reported.period,
    {{ period_year('reported.period') }} as fiscal_year,
    reported.row_key,
    reported.stage_code,
    reported.item_code,
    reported.amount_yuan
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
