-- A person whose data may not be shown (个人信息保护法 arts. 44-46): the latest action counts. Totals keep the person.
-- An action names the person as he was named on its day, by a key of his evidence. A later link may name him otherwise,
-- so the recorded key leads to the person of now; a key that is no evidence any more stands for itself.
with action_taken as (
    select
        coalesce(person.person_id, restriction.person_id) as person_id,
        restriction.restriction_id,
        restriction.action,
        restriction.recorded_at
    from {{ ref('col_restriction') }} as restriction
    left join {{ ref('map_person') }} as person on person.evidence_key = restriction.person_id
),

latest as (
    select
        person_id,
        action,
        recorded_at,
        row_number() over (partition by person_id order by recorded_at desc, restriction_id desc) as newest_no
    from action_taken
)

select
    person_id,
    recorded_at as restricted_at
from latest
where newest_no = 1 and action = 'restrict'
