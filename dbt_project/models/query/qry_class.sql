select
    size.school_year,
    size.term,
    size.snapshot_date,
    size.school_id,
    school.school_name,
    size.division_code,
    division.division_name,
    size.stage,
    stage.stage_name,
    size.grade_code,
    grade.grade_name,
    size.class_code,
    class.class_name,
    size.is_mixed_grade,
    size.pupils,
    class.reported_pupils,
    size.pupils - class.reported_pupils as difference_from_reported,
    size.size_band_code,
    band.size_band_name,
    size.is_large,
    size.is_oversize
from {{ ref('ana_class_size') }} as size
inner join {{ ref('dim_school') }} as school
    on school.school_id = size.school_id and school.school_year = size.school_year and school.term = size.term
inner join {{ ref('dim_stage') }} as stage on stage.stage = size.stage
inner join {{ ref('dim_grade') }} as grade on grade.grade_code = size.grade_code
inner join {{ ref('class_size_band') }} as band on band.size_band_code = size.size_band_code
left join {{ ref('dim_division') }} as division
    on division.division_code = size.division_code and division.is_current
left join {{ ref('dim_class') }} as class
    on
        class.school_id = size.school_id
        and class.class_code = size.class_code
        and class.grade_code = size.grade_code
        and class.school_year = size.school_year
        and class.term = size.term
