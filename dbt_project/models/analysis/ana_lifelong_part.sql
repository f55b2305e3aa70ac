-- Learners by where they live. One office sends all divisions: where its file came, a division without learners has
-- none.
{% set adult_age, elderly_age = 18, 60 %}
with sent as (
    select distinct period -- a row a course
    from {{ ref('fct_lifelong_learner') }}
),

status as (
    select
        counted.period,
        known.data_status
    from (
        select
            period,
            min(status_order) as status_order
        from {{ ref('unit_status') }}
        where dataset = 'lifelong_learner'
        group by period
    ) as counted
    inner join {{ ref('data_status') }} as known on known.sort_order = counted.status_order
),

school_year as (
    select distinct school_year as period -- a row a school
    from {{ ref('dim_school') }}
    union
    select period from sent
),

placed as (
    select
        division.division_code,
        school_year.period,
        sent.period is not null as is_reported,
        case
            when sent.period is null then 'missing' else coalesce(status.data_status, {{ unconfirmed_status() }})
        end as data_status
    from {{ ref('dim_division') }} as division
    cross join school_year
    left join sent on sent.period = school_year.period
    left join status on status.period = school_year.period
    where division.is_current and division.division_level in ('county', 'zone')
),

-- Who gave two places of residence in a year counts in the first by code, so that counties add up to the city.
learner as (
    select
        lifelong.*,
        min(lifelong.division_code) over (partition by lifelong.period, lifelong.person_id) as home_division
    from {{ ref('fct_lifelong_learner') }} as lifelong
),

counted as (
    select
        period,
        home_division as division_code,
        count(distinct person_id) as persons,
        count(distinct person_id) filter (where programme_kind_code = '2') as elderly_persons,
        sum(hours) as hours,
        count(*) filter (where is_completed) as completed,
        count(is_completed) as judged
    from learner
    group by period, home_division
),

kind as (
    select
        period,
        home_division as division_code,
        programme_kind_code,
        count(distinct person_id) as persons
    from learner
    group by period, home_division, programme_kind_code
),

resident as (
    select
        fiscal_year,
        division_code,
        sum(persons) filter (where age >= {{ adult_age }}) as adults,
        sum(persons) filter (where age >= {{ elderly_age }}) as elderly
    from {{ ref('fct_population') }}
    where population_kind_code = '2'
    group by fiscal_year, division_code
),

figure as (
    {% for code, numerator, denominator in [
        ('participants', 'counted.persons', none),
        ('participation_rate', 'counted.persons', 'resident.adults'),
        ('elderly_rate', 'counted.elderly_persons', 'resident.elderly'),
        ('hours_per_learner', 'counted.hours', 'coalesce(counted.persons, 0)'),
        ('completion_rate', 'counted.completed', 'coalesce(counted.judged, 0)')
    ] %}
        select
            'lifelong.{{ code }}' as indicator_code,
            placed.period,
            placed.division_code,
            'all' as breakdown,
            'all' as breakdown_value,
            case when placed.is_reported then coalesce({{ numerator }}, 0) end as numerator,
            case when placed.is_reported then {{ denominator or 'null' }} end as denominator,
            placed.data_status
        from placed
        left join counted on counted.period = placed.period and counted.division_code = placed.division_code
        {% if denominator and denominator.startswith('resident') -%}
            left join resident
                on
                    resident.fiscal_year = {{ period_year('placed.period') }}
                    and resident.division_code = placed.division_code
        {% endif -%}
        union all
    {% endfor %}
    select
        'lifelong.participants' as indicator_code,
        placed.period,
        placed.division_code,
        cut.breakdown,
        cut.breakdown_value,
        case when placed.is_reported then coalesce(kind.persons, 0) end as numerator,
        null as denominator,
        placed.data_status
    from placed
    inner join {{ ref('indicator_breakdown') }} as cut on cut.breakdown = 'lifelong_kind'
    left join kind
        on
            kind.period = placed.period
            and kind.division_code = placed.division_code
            and kind.programme_kind_code = cut.breakdown_value
)

select
    indicator_code,
    period,
    division_code as area_id,
    division_code,
    cast(null as varchar) as school_id,
    'all' as stage,
    breakdown,
    breakdown_value,
    cast(numerator as decimal(18, 4)) as numerator,
    cast(denominator as decimal(18, 4)) as denominator,
    data_status
from figure
