select
    size.school_year,
    size.term,
    size.snapshot_date,
    size.division_code,
    division.division_name,
    size.stage,
    stage.stage_name,
    stage.sort_order,
    size.size_band_code,
    band.size_band_name,
    count(*) as classes,
    count(*) filter (where size.is_large) as large_classes,
    count(*) filter (where size.is_oversize) as oversize_classes
from {{ ref('ana_class_size') }} as size
inner join {{ ref('class_size_band') }} as band on band.size_band_code = size.size_band_code
inner join {{ ref('dim_stage') }} as stage on stage.stage = size.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = size.division_code and division.is_current
group by
    size.school_year, size.term, size.snapshot_date, size.division_code, division.division_name, size.stage,
    stage.stage_name, stage.sort_order, size.size_band_code, band.size_band_name
