with reported as (
    {{ current_rows('lifelong_learner', [
        'submitter_org', 'period', 'row_key', 'id_type_code', 'sex_code', 'birth_date', 'division_code',
        'education_code', 'provider_code', 'provider_kind_code', 'course_code', 'programme_kind_code',
        'learning_form_code', 'started_on', 'hours', 'credits', 'is_completed', 'id_number_key',
        'identity_status'
    ], owner='submitter_org') }}
)

select
    coalesce(by_number.person_id, by_row.person_id) as person_id,
    reported.submitter_org,
    reported.period,
    reported.row_key,
    reported.id_type_code,
    reported.sex_code,
    reported.birth_date,
    reported.division_code,
    reported.education_code,
    reported.provider_code,
    reported.provider_kind_code,
    reported.course_code,
    reported.programme_kind_code,
    reported.learning_form_code,
    reported.started_on,
    reported.hours,
    reported.credits,
    reported.is_completed
from reported
left join {{ ref('map_person') }} as by_number
    on
        by_number.evidence_key
        = case reported.identity_status when 'verified' then 'cn_id:' when 'other_document' then 'passport:' end
        || reported.id_number_key
left join {{ ref('map_person') }} as by_row on by_row.evidence_key = reported.row_key
