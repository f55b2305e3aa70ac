-- Pupils whom a school reports all year and whom nobody saw: their class was tested and screened, and they have no
-- result of fitness, no screening and no score anywhere in that year. Where a class was not examined as a whole, or the
-- pupil's row waits for a correction, or he shares his roll number with another pupil of the school, nothing is said.
with bound as (
    select value as share_pct
    from {{ ref('case_threshold') }}
    where case_kind = 'empty_enrolment' and threshold = 'examined_share_pct'
),

enrolled as (
    select *
    from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }}
    where is_enrolled
),

-- The rows of the year's last term of those who stood in the same school's roll in its first.
attending as (
    select
        later.person_id,
        later.school_id,
        later.school_year,
        later.period,
        later.snapshot_date,
        later.class_code,
        later.is_incomplete or earlier.is_incomplete as is_incomplete
    from enrolled as later
    inner join enrolled as earlier
        on
            earlier.person_id = later.person_id
            and earlier.school_id = later.school_id
            and earlier.school_year = later.school_year
            and earlier.term = 1
    left join {{ ref('map_shared_key') }} as shared
        on shared.evidence_key = later.row_key and shared.school_id = later.school_id and shared.person_id is null
    where later.class_code is not null and later.term = 2 and shared.evidence_key is null
),

tested as (
    select distinct
        person_id,
        period as school_year
    from {{ ref('fct_fitness') }}
    where person_id is not null
),

screened as (
    select distinct
        person_id,
        school_year
    from {{ ref('fct_vision') }}
    where person_id is not null
),

scored as (
    select distinct
        person_id,
        school_year
    from {{ ref('fct_assessment') }}
    where person_id is not null
),

traced as (
    select
        attending.*,
        tested.person_id is not null as is_tested,
        screened.person_id is not null as is_screened,
        scored.person_id is not null as is_scored,
        100.0 * count(tested.person_id) over class_of / count(*) over class_of as tested_pct,
        100.0 * count(screened.person_id) over class_of / count(*) over class_of as screened_pct
    from attending
    left join tested on tested.person_id = attending.person_id and tested.school_year = attending.school_year
    left join screened on screened.person_id = attending.person_id and screened.school_year = attending.school_year
    left join scored on scored.person_id = attending.person_id and scored.school_year = attending.school_year
    window class_of as (partition by attending.school_id, attending.class_code, attending.period)
)

select
    traced.person_id,
    traced.school_id,
    traced.school_year,
    traced.period,
    traced.snapshot_date
from traced
cross join bound
where
    not (traced.is_tested or traced.is_screened or traced.is_scored)
    and not traced.is_incomplete
    and traced.tested_pct >= bound.share_pct
    and traced.screened_pct >= bound.share_pct
