with paired as (
    {{ person_pairs() }}
)

select
    paired.evidence_key,
    paired.number_key,
    paired.is_resident_id,
    min(submission.received_at) as first_received_at
from paired
inner join {{ ref('col_submission') }} as submission on submission.submission_id = paired.submission_id
group by paired.evidence_key, paired.number_key, paired.is_resident_id
