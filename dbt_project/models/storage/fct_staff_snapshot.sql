with member as (
    {{ current_rows('staff', [
        'submission_id', 'delivery_rank', 'sheet', 'row_number', 'school_code', 'period', 'snapshot_date', 'row_key', 'identity_status',
        'id_number_key', 'staff_no_key', 'sex_code', 'birth_date', 'staff_category_code', 'is_establishment',
        'education_code', 'teach_stage_code', 'subject_code', 'title_code', 'is_backbone', 'has_certificate',
        'staff_status_code'
    ], deleted_by='sourced_id_key') }}
),

-- A number that several persons bear is at a school the one's who bears it there, and the row's own ID number's where a
-- decision says that the school has several.
evidenced as (
    select
        member.*,
        shared.person_id as shared_person_id,
        'gh@school:' || member.staff_no_key as best_key,
        case
            when
                (member.staff_no_key is null or shared.evidence_key is not null and shared.person_id is null)
                and member.identity_status = 'verified'
                then 'cn_id:' || member.id_number_key
            when member.staff_no_key is null and member.identity_status = 'other_document'
                then 'passport:' || member.id_number_key
        end as number_key,
        case when member.staff_no_key is null then member.row_key end as place_key
    from member
    inner join {{ ref('map_school_code') }} as school on school.school_code = member.school_code
    left join {{ ref('map_shared_key') }} as shared
        on shared.evidence_key = 'gh@school:' || member.staff_no_key and shared.school_id = school.school_id
),

identified as (
    select
        evidenced.*,
        coalesce(
            by_number.person_id, evidenced.shared_person_id, by_staff_no.person_id, by_place.person_id
        ) as person_id
    from evidenced
    left join {{ ref('map_person') }} as by_staff_no on by_staff_no.evidence_key = evidenced.best_key
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
    member.person_id,
    school.school_id,
    member.period,
    school.school_year,
    school.term,
    member.snapshot_date,
    member.row_key,
    member.sex_code,
    member.birth_date,
    member.staff_category_code,
    coalesce(member.staff_category_code = '11', false) as is_full_time_teacher,
    member.is_establishment,
    member.education_code,
    education.education_rank,
    coalesce(teach_stage.stage, school.only_stage) as teach_stage,
    member.subject_code,
    member.title_code,
    coalesce(member.is_backbone, false) as is_backbone,
    coalesce(member.has_certificate, false) as has_certificate,
    member.staff_status_code,
    coalesce(member.staff_status_code = '11', false) as is_in_service
from one_a_school as member
inner join {{ ref('dim_school') }} as school
    on school.school_code = member.school_code and school.period = member.period
left join {{ ref('education_rank') }} as education on education.education_code = member.education_code
left join {{ ref('teach_stage') }} as teach_stage on teach_stage.teach_stage_code = member.teach_stage_code
where member.last_no = 1
