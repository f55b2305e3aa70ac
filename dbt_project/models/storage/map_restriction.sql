-- A person whose data may not be shown (个人信息保护法 arts. 44-46): whoever holds a key whose latest action is to hide it.
-- Totals keep the person. An action takes all keys that were the person's on its day, so that a row which breaks a link
-- shows nobody: each part that is left stays hidden until it is lifted. An action without keys of its own names the
-- person by one of them, whoever that person is now; a key that is no evidence any more stands for itself. Of a number
-- that several persons bear nobody can say which of them is meant: all are hidden, each until he is lifted by himself.
with action_taken as (
    select
        evidence_key,
        restriction_id,
        action,
        recorded_at
    from {{ ref('col_restriction') }}
    where has_keys
    union all
    select
        coalesce(every_key.evidence_key, restriction.person_id),
        restriction.restriction_id,
        restriction.action,
        restriction.recorded_at
    from {{ ref('col_restriction') }} as restriction
    left join {{ ref('map_person') }} as person on person.evidence_key = restriction.person_id
    left join {{ ref('map_person') }} as every_key on every_key.person_id = person.person_id
    where not coalesce(restriction.has_keys, false)
),

latest as (
    select
        evidence_key,
        action,
        recorded_at,
        row_number() over (partition by evidence_key order by recorded_at desc, restriction_id desc) as newest_no
    from action_taken
),

named as (
    select
        coalesce(person.person_id, latest.evidence_key) as person_id,
        latest.action,
        latest.recorded_at
    from latest
    left join {{ ref('map_person') }} as person on person.evidence_key = latest.evidence_key
    where latest.newest_no = 1
),

shared as (
    select distinct evidence_key
    from {{ ref('map_shared_key') }}
),

bearer as (
    select
        person.person_id,
        latest.recorded_at
    from latest
    inner join shared on shared.evidence_key = latest.evidence_key
    inner join {{ ref('map_key_pair') }} as pair on pair.evidence_key = latest.evidence_key
    inner join {{ ref('map_person') }} as person on person.evidence_key = pair.number_key
    left join named
        on
            named.person_id = person.person_id
            and named.action = 'lift'
            and named.recorded_at > latest.recorded_at
    where latest.newest_no = 1 and latest.action = 'restrict' and named.person_id is null
),

hidden as (
    select
        person_id,
        recorded_at
    from named
    where action = 'restrict'
    union all
    select
        person_id,
        recorded_at
    from bearer
)

select
    person_id,
    min(recorded_at) as restricted_at
from hidden
group by person_id
