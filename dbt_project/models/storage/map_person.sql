-- Keys that map_person_link joins are one person. The person is named by the key of its first accepted evidence in
-- effective order, so a later link never renames it.
with seen as (
    {{ person_rows() }}
),

evidence as (
    select
        evidence_key,
        submission_id,
        sheet,
        row_number,
        1 as kind_order
    from seen
    where evidence_key is not null
    union all
    select
        cn_id_key,
        submission_id,
        sheet,
        row_number,
        2
    from seen
    where cn_id_key is not null
    union all
    select
        passport_key,
        submission_id,
        sheet,
        row_number,
        3
    from seen
    where passport_key is not null
    union all
    select
        row_key,
        submission_id,
        sheet,
        row_number,
        4
    from seen
    where evidence_key is null and cn_id_key is null and passport_key is null and row_key is not null
    union all
    select
        sourced_key,
        submission_id,
        sheet,
        row_number,
        5
    from seen
    where sourced_key is not null
),

-- Effective order as one text that sorts: the least of a key's places is where it was first accepted.
submission_order as (
    select
        submission_id,
        row_number() over (order by received_at, submission_id) as order_no
    from {{ ref('col_submission') }}
),

first_seen as (
    select
        evidence.evidence_key,
        min(
            lpad(cast(submission_order.order_no as varchar), 9, '0')
            || coalesce(evidence.sheet, '')
            || chr(31)
            || lpad(cast(evidence.row_number as varchar), 9, '0')
            || cast(evidence.kind_order as varchar)
        ) as first_place
    from evidence
    inner join submission_order on submission_order.submission_id = evidence.submission_id
    group by evidence.evidence_key
),

grouped as (
    select
        first_seen.*,
        coalesce(link.group_key, first_seen.evidence_key) as group_key
    from first_seen
    left join {{ ref('map_person_link') }} as link on link.evidence_key = first_seen.evidence_key
)

select
    evidence_key,
    first_value(evidence_key) over (
        partition by group_key
        order by first_place, evidence_key
    ) as person_id
from grouped
