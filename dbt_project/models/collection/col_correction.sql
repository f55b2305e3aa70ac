select
    correction.correction_id,
    correction.dataset,
    coalesce(renewed.code_then, correction.unit_owner) as unit_owner,
    correction.period,
    correction.submission_id,
    correction.decision,
    correction.figures_before,
    correction.figures_after,
    correction.author,
    correction.reason,
    correction.recorded_at
from {{ source('runs', 'correction') }} as correction
-- What was decided under another code of the school is of the same unit.
{{ join_code_then('renewed', 'correction.unit_owner', 'correction.period') }}
where {{ is_recorded('correction.recorded_at') }}
