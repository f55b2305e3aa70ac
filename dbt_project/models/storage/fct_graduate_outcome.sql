with reported as (
    {{ current_rows('graduate_outcome', [
        'period', 'row_key', 'school_code', 'sex_code', 'grade_code', 'major_code', 'graduated_ym',
        'completion_code', 'outcome_code', 'next_school_code', 'employment_kind_code', 'industry_code',
        'employer_kind_code', 'employer_division_code', 'is_matched_major', 'has_skill_certificate',
        'reported_on', 'xjh_key'
    ]) }}
)

select
    {{ person_found() }} as person_id,
    school.school_id,
    reported.period,
    reported.row_key,
    reported.sex_code,
    reported.grade_code,
    reported.major_code,
    reported.graduated_ym,
    reported.completion_code,
    reported.outcome_code,
    reported.next_school_code,
    reported.employment_kind_code,
    reported.industry_code,
    reported.employer_kind_code,
    reported.employer_division_code,
    reported.is_matched_major,
    reported.has_skill_certificate,
    reported.reported_on
from reported
inner join {{ ref('map_school_code') }} as school on school.school_code = reported.school_code
{{ person_joins('reported', 'xjh', 'xjh_key') }}
