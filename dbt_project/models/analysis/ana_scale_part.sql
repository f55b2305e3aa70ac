with confirmed as (
    select
        school_id,
        period,
        division_code,
        school_year,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'student' and term = 1
),

counted as (
    select
        school_id,
        period,
        stage,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
    group by school_id, period, stage
),

-- Stages of the school's kind, and those in which it has pupils all the same.
taught as (
    select
        school_id,
        period,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1
    union
    select
        school_id,
        period,
        stage
    from counted
)

select
    'scale.pupils' as indicator_code,
    confirmed.school_year as period,
    confirmed.school_id as area_id,
    confirmed.division_code,
    confirmed.school_id,
    taught.stage,
    'all' as breakdown,
    'all' as breakdown_value,
    cast(case when confirmed.is_reported then coalesce(counted.pupils, 0) end as decimal(18, 4)) as numerator,
    cast(null as decimal(18, 4)) as denominator,
    confirmed.data_status
from confirmed
inner join taught on taught.school_id = confirmed.school_id and taught.period = confirmed.period
left join counted
    on
        counted.school_id = taught.school_id
        and counted.period = taught.period
        and counted.stage = taught.stage
