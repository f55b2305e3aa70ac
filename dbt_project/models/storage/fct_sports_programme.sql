with reported as (
    {{ current_rows('sports_programme', [
        'period', 'row_key', 'school_code', 'programme_kind_code', 'pillar_code', 'award_level_code',
        'is_feature_school', 'recognised_ym', 'participants', 'weekly_hours', 'teams', 'coaches',
        'competitions'
    ]) }}
)

select
    school.school_id,
    reported.period,
    reported.row_key,
    reported.programme_kind_code,
    reported.pillar_code,
    reported.award_level_code,
    reported.is_feature_school,
    reported.recognised_ym,
    reported.participants,
    reported.weekly_hours,
    reported.teams,
    reported.coaches,
    reported.competitions
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
