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
group by
    finding.dataset,
    submission.period,
    submission.submitter_org,
    finding.class_no,
    finding.reason_code,
    finding.severity
