-- Keys that map_person_link joins are one person. The person is named by the key of its first accepted evidence in
-- effective order, so a later link never renames it.
{% set sources = [
    {'dataset': 'student', 'key': 'xjh_key', 'namespace': 'xjh', 'has_number': true, 'has_sourced_id': true},
    {'dataset': 'staff', 'key': 'staff_no_key', 'namespace': 'gh@school', 'has_number': true, 'has_sourced_id': true},
    {'dataset': 'lifelong_learner', 'has_number': true},
    {'dataset': 'student_event', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'student_support', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'assessment', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'fitness', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'vision', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'graduate_outcome', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'elective_choice', 'key': 'xjh_key', 'namespace': 'xjh'},
    {'dataset': 'staff_post', 'key': 'staff_no_key', 'namespace': 'gh@school'},
    {'dataset': 'staff_training', 'key': 'staff_no_key', 'namespace': 'gh@school'},
    {'dataset': 'staff_rotation', 'key': 'staff_no_key', 'namespace': 'gh@school'},
    {'dataset': 'credit_evaluation', 'key': 'staff_no_key', 'namespace': 'gh@school'},
] %}
with seen as (
    {{ person_evidence(sources) }}
),

-- Effective order of what persons are seen in: by delivery, then by sheet.
part as (
    select
        sheets.submission_id,
        sheets.sheet,
        row_number() over (order by submission.received_at, submission.submission_id, sheets.sheet) as part_no
    from (
        {{ person_sheets(sources) }}
    ) as sheets
    inner join {{ ref('col_submission') }} as submission on submission.submission_id = sheets.submission_id
),

-- The row after its part and the kind of evidence after its row: the least is where a key was first accepted.
first_seen as (
    select
        seen.evidence_key,
        min((part.part_no * 1000000000 + seen.row_number) * 10 + seen.kind_order) as first_place
    from seen
    inner join part on part.submission_id = seen.submission_id and part.sheet = seen.sheet
    group by seen.evidence_key
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
