-- A person whose data may not be shown (个人信息保护法 arts. 44-46): the latest action counts. Totals keep the person.
with latest as (
    select
        person_id,
        action,
        recorded_at,
        row_number() over (partition by person_id order by recorded_at desc, restriction_id desc) as newest_no
    from {{ ref('col_restriction') }}
)

select
    person_id,
    recorded_at as restricted_at
from latest
where newest_no = 1 and action = 'restrict'
