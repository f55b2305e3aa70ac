with pupil as (
    {{ current_rows('student', [
        'submission_id', 'delivery_rank', 'sheet', 'row_number', 'school_code', 'period', 'snapshot_date', 'row_key', 'is_incomplete',
        'identity_status', 'id_number_key', 'xjh_key', 'sex_code', 'birth_date', 'ethnicity_code', 'grade_code',
        'class_code', 'entry_ym', 'boarding_code', 'household_kind_code', 'household_division_code', 'status_code',
        'left_behind_code', 'is_migrant', 'disability_code'
    ], deleted_by='sourced_id_key', is_by_owner=true) }}
),

-- A number that several persons bear is at a school the one's who bears it there, and the row's own ID number's where a
-- decision says that the school has several.
evidenced as (
    select
        pupil.*,
        shared.person_id as shared_person_id,
        'xjh:' || pupil.xjh_key as best_key,
        case
            when
                (pupil.xjh_key is null or shared.evidence_key is not null and shared.person_id is null)
                and pupil.identity_status = 'verified'
                then 'cn_id:' || pupil.id_number_key
            when pupil.xjh_key is null and pupil.identity_status = 'other_document'
                then 'passport:' || pupil.id_number_key
        end as number_key,
        case when pupil.xjh_key is null then pupil.row_key end as place_key
    from pupil
    inner join {{ ref('map_school_code') }} as school on school.school_code = pupil.school_code
    left join {{ ref('map_shared_key') }} as shared
        on shared.evidence_key = 'xjh:' || pupil.xjh_key and shared.school_id = school.school_id
),

identified as (
    select
        evidenced.*,
        coalesce(by_number.person_id, evidenced.shared_person_id, by_roll.person_id, by_place.person_id) as person_id
    from evidenced
    left join {{ ref('map_person') }} as by_roll on by_roll.evidence_key = evidenced.best_key
    left join {{ ref('map_person') }} as by_number on by_number.evidence_key = evidenced.number_key
    left join {{ ref('map_person') }} as by_place on by_place.evidence_key = evidenced.place_key
),

one_a_school as (
    select
        identified.*,
        row_number() over (
            partition by person_id, school_code, snapshot_date
            order by delivery_rank asc, submission_id desc, sheet desc, row_number desc
        ) as last_no
    from identified
)

select
    pupil.person_id,
    school.school_id,
    pupil.period,
    school.school_year,
    school.term,
    pupil.snapshot_date,
    pupil.row_key,
    grade.stage,
    pupil.grade_code,
    pupil.class_code,
    pupil.entry_ym,
    pupil.sex_code,
    pupil.birth_date,
    pupil.ethnicity_code,
    pupil.boarding_code,
    pupil.household_kind_code,
    pupil.household_division_code,
    pupil.status_code,
    coalesce(status.is_enrolled, false) as is_enrolled,
    pupil.left_behind_code,
    pupil.is_migrant,
    pupil.disability_code,
    pupil.is_incomplete
from one_a_school as pupil
inner join {{ ref('dim_school') }} as school on school.school_code = pupil.school_code and school.period = pupil.period
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = pupil.grade_code
left join {{ ref('student_status') }} as status on status.status_code = pupil.status_code
where pupil.last_no = 1
