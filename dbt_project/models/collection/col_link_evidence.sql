-- Landings that run side by side may each record the same agreement: the first record stands.
select
    left_key,
    right_key,
    is_name_equal,
    is_birth_date_equal,
    is_guardian_equal,
    recorded_at
from (
    select
        evidence.*,
        row_number() over (
            partition by evidence.left_key, evidence.right_key
            order by evidence.is_guardian_equal desc, evidence.recorded_at asc
        ) as first_no
    from {{ source('runs', 'link_evidence') }} as evidence
    where {{ is_recorded('evidence.recorded_at') }}
) as numbered
where first_no = 1
