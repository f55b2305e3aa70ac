with reported as (
    {{ current_rows('fitness', [
        'period', 'row_key', 'school_code', 'sex_code', 'grade_code', 'class_code', 'test_date', 'is_exempt',
        'height_cm', 'weight_kg', 'vital_capacity_ml', 'sprint_50m_s', 'endurance_s', 'bmi_score',
        'vital_capacity_score', 'sprint_50m_score', 'sit_reach_score', 'rope_skipping_score', 'sit_ups_score',
        'shuttle_run_score', 'standing_jump_score', 'strength_score', 'endurance_score', 'bonus_score',
        'reported_total', 'reported_level_code', 'xjh_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.sex_code,
    reported.grade_code,
    reported.class_code,
    reported.test_date,
    reported.is_exempt,
    reported.height_cm,
    reported.weight_kg,
    reported.vital_capacity_ml,
    reported.sprint_50m_s,
    reported.endurance_s,
    reported.bmi_score,
    reported.vital_capacity_score,
    reported.sprint_50m_score,
    reported.sit_reach_score,
    reported.rope_skipping_score,
    reported.sit_ups_score,
    reported.shuttle_run_score,
    reported.standing_jump_score,
    reported.strength_score,
    reported.endurance_score,
    reported.bonus_score,
    reported.reported_total,
    reported.reported_level_code
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'xjh', 'xjh_key') }}
