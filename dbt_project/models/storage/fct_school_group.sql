with reported as (
    {{ current_rows('school_group', [
        'period', 'row_key', 'school_code', 'group_code', 'group_name', 'group_kind_code', 'member_role_code',
        'group_mode_code', 'joined_ym'
    ]) }}
)

select
    school.school_id,
    reported.period,
    reported.row_key,
    reported.group_code,
    reported.group_name,
    reported.group_kind_code,
    reported.member_role_code,
    reported.group_mode_code,
    reported.joined_ym
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
