with reported as (
    {{ current_rows('digital_resource', [
        'submitter_org', 'period', 'row_key', 'resource_id', 'resource_title', 'resource_kind_code',
        'subject_code', 'grade_code', 'provider_school_code', 'published_on', 'size_mb', 'is_shared'
    ], owner='submitter_org') }}
)

select
    reported.submitter_org,
    reported.period,
    reported.row_key,
    reported.resource_id,
    reported.resource_title,
    reported.resource_kind_code,
    reported.subject_code,
    reported.grade_code,
    reported.provider_school_code,
    reported.published_on,
    reported.size_mb,
    reported.is_shared
from reported
