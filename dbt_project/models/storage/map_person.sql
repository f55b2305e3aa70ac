-- Keys seen together in one accepted row are one person, through the ID number that they share. A key that was seen
-- with two verified ID numbers joins nothing; management.case lists it.
with seen as (
    select
        'xjh:' || xjh_key as evidence_key,
        case when identity_status = 'verified' then 'cn_id:' || id_number_key end as cn_id_key,
        case when identity_status = 'other_document' then 'passport:' || id_number_key end as passport_key,
        row_key,
        submission_id,
        sheet,
        row_number
    from {{ ref('col_student') }}
    union all
    select
        'gh@school:' || staff_no_key,
        case when identity_status = 'verified' then 'cn_id:' || id_number_key end,
        case when identity_status = 'other_document' then 'passport:' || id_number_key end,
        row_key,
        submission_id,
        sheet,
        row_number
    from {{ ref('col_staff') }}
    union all
    select
        'xjh:' || xjh_key,
        null,
        null,
        row_key,
        submission_id,
        sheet,
        row_number
    from {{ ref('col_student_event') }}
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

-- min over one value is that value; a key with two ID numbers is left out.
link as (
    select
        evidence_key,
        min(cn_id_key) as cn_id_key
    from seen
    where evidence_key is not null and cn_id_key is not null
    group by evidence_key
    having count(distinct cn_id_key) = 1
),

grouped as (
    select
        first_seen.*,
        coalesce(link.cn_id_key, first_seen.evidence_key) as group_key
    from first_seen
    left join link on link.evidence_key = first_seen.evidence_key
)

select
    evidence_key,
    first_value(evidence_key) over (
        partition by group_key
        order by received_at, submission_id, sheet, row_number, kind_order, evidence_key
    ) as person_id
from grouped
