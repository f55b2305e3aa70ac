-- What was taken back, waits for a decision or was there already has no problems of its own.
with waiting as (
    {{ waiting_owners() }}
)

select
    finding.dataset,
    submission.period,
    submission.submitter_org,
    finding.class_no,
    finding.reason_code,
    finding.severity,
    count(*) as findings
from {{ ref('col_finding') }} as finding
inner join {{ ref('col_submission') }} as submission on submission.submission_id = finding.submission_id
left join waiting on waiting.submission_id = finding.submission_id and waiting.unit_owner = finding.unit_owner
where not submission.is_repeat and not submission.is_withdrawn and waiting.submission_id is null
group by
    finding.dataset,
    submission.period,
    submission.submitter_org,
    finding.class_no,
    finding.reason_code,
    finding.severity
