-- Roll and staff numbers that several persons bear: at one date two rows that count have one with two ID numbers, or a
-- decision keeps its two numbers apart. Such a number names nobody, so a row's own ID number does, and at a school the
-- one person who bears it there. A number whose ID number changed from one date to the next stays one person's: it is
-- for life and does not follow the ID number (中小学生学籍管理办法 2013).
with conflict as (
    select evidence_key
    from {{ ref('map_person_link') }}
    where conflict_kind = 'two_numbers'
),

borne as (
    {{ numbers_in_conflict() }}
),

placed as (
    select
        borne.evidence_key,
        borne.snapshot_date,
        school.school_id,
        person.person_id
    from borne
    inner join conflict on conflict.evidence_key = borne.evidence_key
    inner join {{ ref('map_person') }} as person on person.evidence_key = borne.number_key
    inner join {{ ref('map_school_code') }} as school on school.school_code = borne.school_code
),

shared as (
    select evidence_key
    from placed
    group by evidence_key, snapshot_date
    having count(distinct person_id) > 1
    union
    select subject_key
    from {{ ref('col_decision') }}
    where is_current and decision = 'keep_apart' and (other_key is null or other_key like 'cn_id:%')
)

select
    placed.evidence_key,
    placed.school_id,
    case when count(distinct placed.person_id) = 1 then min(placed.person_id) end as person_id
from placed
inner join shared on shared.evidence_key = placed.evidence_key
group by placed.evidence_key, placed.school_id
