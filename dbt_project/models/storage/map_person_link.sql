-- Three steps: decisions join resident ID numbers; a key belongs to the one number it was seen with; weaker evidence
-- (other documents, agreement beside the vault, decisions) joins groups unless that would join two numbers.
with decided as (
    select
        decision,
        subject_key,
        other_key
    from {{ ref('col_decision') }}
    where is_current and decision in ('link', 'keep_apart') and subject_key is not null
),

pair as (
    select * from {{ ref('map_key_pair') }}
),

agreed as (
    select
        'xjh:' || evidence.left_key as left_key,
        'xjh:' || evidence.right_key as right_key
    from {{ ref('col_link_evidence') }} as evidence
    where evidence.is_name_equal and evidence.is_birth_date_equal and evidence.is_guardian_equal
),

-- A key that a decision names, and what lies one step from it.
decided_near as (
    select
        decided.subject_key,
        decided.subject_key as near_key
    from decided
    where decided.decision = 'link'
    union
    select
        decided.subject_key,
        decided.other_key
    from decided
    where decided.decision = 'link' and decided.other_key is not null
    union
    select
        decided.subject_key,
        pair.evidence_key
    from decided
    inner join pair on pair.number_key = decided.subject_key
    where decided.decision = 'link' and decided.other_key is null
    union
    select
        decided.subject_key,
        agreed.right_key
    from decided
    inner join agreed on agreed.left_key = decided.subject_key
    where decided.decision = 'link' and decided.other_key is null
    union
    select
        decided.subject_key,
        agreed.left_key
    from decided
    inner join agreed on agreed.right_key = decided.subject_key
    where decided.decision = 'link' and decided.other_key is null
),

decided_number as (
    select
        near.subject_key,
        pair.number_key
    from decided_near as near
    inner join pair on pair.evidence_key = near.near_key and pair.is_resident_id
    union
    select
        subject_key,
        near_key
    from decided_near
    where near_key like 'cn_id:%'
),

number_edge as (
    select
        min(number_key) over (partition by subject_key) as left_key,
        number_key as right_key
    from decided_number
),

number_group as (
    {{ connected_components('number_edge') }}
),

-- Each key with the numbers that it was seen with; numbers that a decision joined are one.
anchored as (
    select
        pair.evidence_key,
        min(coalesce(number_group.component, pair.number_key)) as group_key,
        count(distinct coalesce(number_group.component, pair.number_key)) as id_numbers,
        max(pair.first_received_at) as last_number_at
    from pair
    left join number_group on number_group.node = pair.number_key
    where pair.is_resident_id
    group by pair.evidence_key
),

weak_pair as (
    select
        evidence_key as left_key,
        number_key as right_key
    from pair
    where not is_resident_id
    union
    select
        left_key,
        right_key
    from agreed
    union
    select
        subject_key,
        other_key
    from decided
    where decision = 'link' and other_key is not null
),

allowed as (
    select
        weak_pair.left_key,
        weak_pair.right_key
    from weak_pair
    left join decided as apart
        on
            apart.decision = 'keep_apart'
            and (
                apart.other_key = weak_pair.right_key and apart.subject_key = weak_pair.left_key
                or apart.other_key = weak_pair.left_key and apart.subject_key = weak_pair.right_key
            )
    where apart.decision is null
),

-- A key with two numbers links nothing, so no weak evidence passes through it.
weak_edge as (
    select
        coalesce(left_anchor.group_key, number_left.component, allowed.left_key) as left_key,
        coalesce(right_anchor.group_key, number_right.component, allowed.right_key) as right_key,
        allowed.left_key as left_evidence,
        allowed.right_key as right_evidence
    from allowed
    left join anchored as left_anchor on left_anchor.evidence_key = allowed.left_key
    left join anchored as right_anchor on right_anchor.evidence_key = allowed.right_key
    left join number_group as number_left on number_left.node = allowed.left_key
    left join number_group as number_right on number_right.node = allowed.right_key
    where coalesce(left_anchor.id_numbers, 1) = 1 and coalesce(right_anchor.id_numbers, 1) = 1
),

weak_group as (
    {{ connected_components('weak_edge') }}
),

weak_verdict as (
    select
        component,
        count(*) filter (where node like 'cn_id:%') as id_numbers
    from weak_group
    group by component
),

-- A key of a component that holds two numbers keeps what it was seen with.
weak_key as (
    select
        left_evidence as evidence_key,
        left_key as node
    from weak_edge
    union
    select
        right_evidence,
        right_key
    from weak_edge
),

every_key as (
    select evidence_key from anchored
    union
    select evidence_key from weak_key
    union
    select node from weak_group
    union
    select node from number_group
),

-- What would be joined is one conflict; the key with no number of its own speaks for it.
weak_conflict as (
    select
        weak_key.evidence_key,
        row_number() over (
            partition by weak_group.component
            order by case when anchored.evidence_key is null then 0 else 1 end, weak_key.evidence_key
        ) as speaker_no,
        max(pair.first_received_at) over (partition by weak_group.component) as conflict_at
    from weak_key
    inner join weak_group on weak_group.node = weak_key.node
    inner join weak_verdict on weak_verdict.component = weak_group.component and weak_verdict.id_numbers > 1
    left join anchored on anchored.evidence_key = weak_key.evidence_key
    left join pair on pair.evidence_key = weak_key.evidence_key
),

conflict as (
    select
        evidence_key,
        'two_numbers' as conflict_kind,
        last_number_at as conflict_at
    from anchored
    where id_numbers > 1
    union
    select
        evidence_key,
        'would_join',
        conflict_at
    from weak_conflict
    where speaker_no = 1
),

resolved as (
    select
        every_key.evidence_key,
        coalesce(
            case when anchored.id_numbers = 1 then anchored.group_key end,
            number_group.component,
            every_key.evidence_key
        ) as node,
        anchored.id_numbers = 1 or every_key.evidence_key like 'cn_id:%' as has_number,
        anchored.id_numbers
    from every_key
    left join anchored on anchored.evidence_key = every_key.evidence_key
    left join number_group on number_group.node = every_key.evidence_key
)

select
    resolved.evidence_key,
    case when weak_verdict.id_numbers <= 1 then weak_group.component else resolved.node end as group_key,
    case
        when coalesce(resolved.has_number, false) then 'number'
        when weak_verdict.id_numbers <= 1 then 'evidence'
        else 'none'
    end as link_basis,
    cast(coalesce(resolved.id_numbers, weak_verdict.id_numbers, 0) as integer) as id_numbers,
    conflict.conflict_kind,
    conflict.conflict_at
from resolved
left join weak_group on weak_group.node = resolved.node
left join weak_verdict on weak_verdict.component = weak_group.component
left join conflict on conflict.evidence_key = resolved.evidence_key
