-- Decisions are append-only; the newest on a case is the one that counts.
select
    decision_id,
    case_id,
    case_kind,
    decision,
    subject_key,
    other_key,
    school_id,
    author,
    reason,
    recorded_at,
    row_number() over (partition by case_id order by recorded_at desc, decision_id desc) = 1 as is_current
from {{ source('runs', 'decision') }}
where {{ is_recorded('recorded_at') }}
