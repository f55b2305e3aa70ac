-- A person whose data may not be shown (个人信息保护法 arts. 44-46): whoever holds a key whose latest action is to hide it.
-- Totals keep the person. An action takes all keys that were the person's on its day, so that a row which breaks a link
-- shows nobody: each part that is left stays hidden until it is lifted. An action without keys of its own names the
-- person by one of them, whoever that person is now; a key that is no evidence any more stands for itself.
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
)

select
    coalesce(person.person_id, latest.evidence_key) as person_id,
    min(latest.recorded_at) as restricted_at
from latest
left join {{ ref('map_person') }} as person on person.evidence_key = latest.evidence_key
where latest.newest_no = 1 and latest.action = 'restrict'
group by coalesce(person.person_id, latest.evidence_key)
