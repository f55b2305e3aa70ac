-- A mixed-grade class (复式班) has pupils of several grades and is one class, of the grade that its school registers it
-- under. Other classes that bear one number in two grades are two.
with confirmed as (
    {{ least_status(['student'], is_by_school=true) }}
),

counted as (
    select
        pupil.school_year,
        pupil.period,
        pupil.term,
        pupil.snapshot_date,
        school.division_code,
        pupil.school_id,
        coalesce(mixed.stage, pupil.stage) as stage,
        coalesce(mixed.grade_code, pupil.grade_code) as grade_code,
        pupil.class_code,
        mixed.class_code is not null as is_mixed_grade,
        count(*) as pupils
    from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    left join {{ ref('dim_class') }} as mixed
        on
            mixed.is_mixed_grade
            and mixed.school_id = pupil.school_id
            and mixed.period = pupil.period
            and mixed.class_code = pupil.class_code
    where pupil.is_enrolled and pupil.class_code is not null
    group by
        pupil.school_year, pupil.period, pupil.term, pupil.snapshot_date, school.division_code, pupil.school_id,
        coalesce(mixed.stage, pupil.stage), coalesce(mixed.grade_code, pupil.grade_code), pupil.class_code,
        mixed.class_code is not null
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
    counted.is_mixed_grade,
    counted.pupils,
    band.size_band_code,
    band.is_large,
    band.is_oversize,
    coalesce(confirmed.data_status, {{ unconfirmed_status() }}) as data_status
from counted
inner join {{ ref('class_size_band') }} as band on counted.pupils between band.lower and band.upper
left join confirmed on confirmed.school_id = counted.school_id and confirmed.period = counted.period
