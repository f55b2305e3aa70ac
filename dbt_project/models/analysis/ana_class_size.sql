with confirmed as (
    {{ least_status(['student']) }}
),

counted as (
    select
        pupil.school_year,
        pupil.period,
        pupil.term,
        pupil.snapshot_date,
        school.division_code,
        pupil.school_id,
        pupil.stage,
        pupil.grade_code,
        pupil.class_code,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    where pupil.is_enrolled and pupil.class_code is not null
    group by
        pupil.school_year, pupil.period, pupil.term, pupil.snapshot_date, school.division_code, pupil.school_id,
        pupil.stage, pupil.grade_code, pupil.class_code
)

select
    counted.school_year,
    counted.term,
    counted.snapshot_date,
    counted.division_code,
    counted.school_id,
    counted.stage,
    counted.grade_code,
    counted.class_code,
    counted.pupils,
    band.size_band_code,
    band.is_large,
    band.is_oversize,
    coalesce(confirmed.data_status, {{ unconfirmed_status() }}) as data_status
from counted
inner join {{ ref('class_size_band') }} as band on counted.pupils between band.lower and band.upper
left join confirmed on confirmed.school_id = counted.school_id and confirmed.period = counted.period
