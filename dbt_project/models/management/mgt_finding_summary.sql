-- What was taken back, or was there already, has no problems of its own.
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
where not submission.is_repeat and not submission.is_withdrawn
group by
    finding.dataset,
    submission.period,
    submission.submitter_org,
    finding.class_no,
    finding.reason_code,
    finding.severity
