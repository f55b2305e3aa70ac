-- True figures: small cells are hidden when a version is published, over all tables and releases at once.
with counted as (
    select
        school_year,
        term,
        snapshot_date,
        division_code,
        stage,
        sum(pupils) as pupils
    from {{ ref('ana_enrolment') }}
    group by school_year, term, snapshot_date, division_code, stage
)

select
    counted.school_year,
    counted.term,
    counted.snapshot_date,
    counted.division_code,
    division.division_name,
    counted.stage,
    stage.stage_name,
    stage.sort_order,
    cast(counted.pupils as bigint) as pupils,
    false as is_suppressed
from counted
inner join {{ ref('dim_stage') }} as stage on stage.stage = counted.stage
inner join {{ ref('dim_division') }} as division
    on division.division_code = counted.division_code and division.is_current
