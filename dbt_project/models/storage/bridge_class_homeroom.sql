-- The teacher whom the school names by staff number, else the one whom another system names by an id of its own.
with reported as (
    {{ current_rows('class', [
        'school_code', 'period', 'snapshot_date', 'class_code', 'homeroom_staff_no_key', 'homeroom_sourced_id_key'
    ]) }}
),

identified as (
    select
        reported.school_code,
        reported.period,
        reported.snapshot_date,
        reported.class_code,
        coalesce(by_staff_no.person_id, by_sourced_id.person_id) as person_id
    from reported
    left join {{ ref('map_person') }} as by_staff_no
        on by_staff_no.evidence_key = 'gh@school:' || reported.homeroom_staff_no_key
    left join {{ ref('map_person') }} as by_sourced_id on by_sourced_id.evidence_key = reported.homeroom_sourced_id_key
)

select
    school.school_id,
    identified.class_code,
    identified.period,
    school.school_year,
    school.term,
    identified.snapshot_date,
    identified.person_id
from identified
inner join {{ ref('dim_school') }} as school
    on school.school_code = identified.school_code and school.period = identified.period
where identified.person_id is not null
