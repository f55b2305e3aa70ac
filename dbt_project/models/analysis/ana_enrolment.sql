with confirmed as (
    {{ least_status(['student'], is_by_school=true) }}
)

select
    pupil.school_year,
    pupil.term,
    pupil.snapshot_date,
    school.division_code,
    pupil.school_id,
    pupil.stage,
    pupil.grade_code,
    count(*) as pupils,
    count(*) filter (where pupil.sex_code = '2') as pupils_female,
    count(*) filter (where pupil.boarding_code = '2') as pupils_boarding,
    coalesce(confirmed.data_status, {{ unconfirmed_status() }}) as data_status
from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }} as pupil
inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
left join confirmed on confirmed.school_id = pupil.school_id and confirmed.period = pupil.period
where pupil.is_enrolled
group by
    pupil.school_year, pupil.term, pupil.snapshot_date, school.division_code, pupil.school_id, pupil.stage,
    pupil.grade_code, confirmed.data_status
