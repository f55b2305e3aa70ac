-- Opinions stay in the ledger: their texts and the reasons of replies may name persons and are not loaded.
select
    record_id,
    opinion_id,
    plan_code,
    evaluation,
    office,
    indicator_code,
    opinion_state,
    author,
    recorded_at
from {{ source('runs', 'plan_opinion') }}
where {{ is_recorded('recorded_at') }}
