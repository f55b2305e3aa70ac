with reported as (
    {{ current_rows('private_inspection', [
        'period', 'row_key', 'school_code', 'submitted_on', 'inspected_on', 'result_code', 'problems',
        'rectification_code', 'rectify_due_on', 'restriction_code', 'is_profit'
    ]) }}
)

select
    school.school_id,
    reported.period,
    reported.row_key,
    reported.submitted_on,
    reported.inspected_on,
    reported.result_code,
    reported.problems,
    reported.rectification_code,
    reported.rectify_due_on,
    reported.restriction_code,
    reported.is_profit
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
