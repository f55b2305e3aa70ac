with reported as (
    {{ current_rows('credit_evaluation', [
        'period', 'row_key', 'school_code', 'record_no', 'subject_kind_code', 'credit_item_code',
        'credit_level_code', 'evaluated_on', 'valid_until', 'is_reviewed', 'appeal_code', 'appealed_on',
        'decided_on', 'is_repaired', 'staff_no_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.record_no,
    reported.subject_kind_code,
    reported.credit_item_code,
    reported.credit_level_code,
    reported.evaluated_on,
    reported.valid_until,
    reported.is_reviewed,
    reported.appeal_code,
    reported.appealed_on,
    reported.decided_on,
    reported.is_repaired
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'gh@school', 'staff_no_key') }}
