with reported as (
    {{ current_rows('resource_usage', [
        'period', 'row_key', 'school_code', 'resource_id', 'usage_ym', 'views', 'downloads', 'active_teachers',
        'active_students', 'minutes'
    ]) }}
)

select
    school.school_id,
    reported.period,
    {{ school_year('reported.period') }} as school_year,
    {{ term_no('reported.period') }} as term,
    reported.row_key,
    reported.resource_id,
    reported.usage_ym,
    reported.views,
    reported.downloads,
    reported.active_teachers,
    reported.active_students,
    reported.minutes
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
