-- One file a term tells the use of all schools: where it came, a school that is not in it used nothing.
{% set figures = [
    ('digital.resource_school_share', 'using_schools', 'schools'),
    ('digital.resource_views', 'views', none),
    ('digital.resource_minutes_per_pupil', 'minutes', 'pupils')
] %}
with used as (
    select
        school_id,
        period,
        sum(views) as views,
        sum(minutes) as minutes
    from {{ ref('fct_resource_usage') }}
    group by school_id, period
),

sent as (
    select distinct period -- many schools
    from used
),

pupil as (
    select
        school_id,
        period,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled
    group by school_id, period
),

placed as (
    select
        owed.school_id,
        owed.period,
        owed.division_code,
        owed.is_reported and sent.period is not null as is_reported,
        case when sent.period is null then 'missing' else owed.data_status end as data_status,
        'all' as stage,
        'all' as breakdown,
        'all' as breakdown_value
    from {{ ref('unit_expected') }} as owed
    left join sent on sent.period = owed.period
    where owed.dataset = 'student'
),

counted as (
    select
        placed.school_id,
        placed.period,
        placed.stage,
        placed.breakdown,
        placed.breakdown_value,
        1 as schools,
        case when used.views > 0 then 1 else 0 end as using_schools,
        used.views,
        used.minutes,
        pupil.pupils
    from placed
    left join used on used.school_id = placed.school_id and used.period = placed.period
    left join pupil on pupil.school_id = placed.school_id and pupil.period = placed.period
)

{{ school_parts(figures) }}
