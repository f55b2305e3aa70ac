-- Roll and staff numbers that several persons bear: at one date two rows that count, of pupils on the roll or staff in
-- service, have one with two ID numbers, or a decision keeps its two numbers apart. At one school a number is one
-- person's, who is known by the first ID number that stood with it there: it is for life and does not follow the ID
-- number (中小学生学籍管理办法 2013). Only a decision makes two of one school's, and then each row is its own ID
-- number's. A number whose ID number changed from one date to the next, with nobody else who bears it, is not here: it
-- goes on naming one person.
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
        borne.is_present,
        school.school_id,
        person.person_id
    from borne
    inner join conflict on conflict.evidence_key = borne.evidence_key
    inner join {{ ref('map_person') }} as person on person.evidence_key = borne.number_key
    inner join {{ ref('map_school_code') }} as school on school.school_code = borne.school_code
),

apart as (
    select distinct subject_key as evidence_key
    from {{ ref('col_decision') }}
    where is_current and decision = 'keep_apart' and (other_key is null or other_key like 'cn_id:%')
),

shared as (
    select evidence_key
    from placed
    where is_present
    group by evidence_key, snapshot_date
    having count(distinct person_id) > 1
    union
    select evidence_key
    from apart
),

ranked as (
    select
        placed.evidence_key,
        placed.school_id,
        placed.person_id,
        apart.evidence_key is not null as is_apart,
        row_number() over (
            partition by placed.evidence_key, placed.school_id
            order by placed.snapshot_date, placed.person_id
        ) as first_no,
        min(placed.person_id) over at_school <> max(placed.person_id) over at_school as is_several
    from placed
    inner join shared on shared.evidence_key = placed.evidence_key
    left join apart on apart.evidence_key = placed.evidence_key
    window at_school as (partition by placed.evidence_key, placed.school_id)
)

select
    evidence_key,
    school_id,
    case when not (is_apart and is_several) then person_id end as person_id
from ranked
where first_no = 1
