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
    where evidence_key is null and row_key is not null
),

first_seen as (
    select
        evidence_key,
        received_at,
        submission_id,
        sheet,
        row_number,
        kind_order
    from (
        select
            evidence.evidence_key,
            submission.received_at,
            evidence.submission_id,
            evidence.sheet,
            evidence.row_number,
            evidence.kind_order,
            row_number() over (
                partition by evidence.evidence_key
                order by
                    submission.received_at, evidence.submission_id, evidence.sheet, evidence.row_number,
                    evidence.kind_order
            ) as first_no
        from evidence
        inner join {{ ref('col_submission') }} as submission on submission.submission_id = evidence.submission_id
    ) as numbered
    where first_no = 1
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
        order by received_at, submission_id, sheet, row_number, kind_order, evidence_key
    ) as person_id
from grouped
