with reported as (
    {{ current_rows('vocational_cooperation', [
        'period', 'row_key', 'school_code', 'project_no', 'cooperation_kind_code', 'enterprise_name',
        'enterprise_credit_code', 'industry_code', 'major_code', 'started_ym', 'ended_ym', 'students',
        'apprentices', 'enterprise_teachers', 'internship_places', 'invested_yuan'
    ]) }}
)

select
    school.school_id,
    reported.period,
    reported.row_key,
    reported.project_no,
    reported.cooperation_kind_code,
    reported.enterprise_name,
    reported.enterprise_credit_code,
    reported.industry_code,
    reported.major_code,
    reported.started_ym,
    reported.ended_ym,
    reported.students,
    reported.apprentices,
    reported.enterprise_teachers,
    reported.internship_places,
    reported.invested_yuan
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
