-- The ledger of suspected dropouts, counted; persons stay in storage, and small numbers are hidden at publication.
with sent as (
    select
        sent.school_id,
        sent.period,
        school.division_code
    from {{ ref('unit_sent') }} as sent
    inner join {{ ref('dim_school') }} as school on school.school_id = sent.school_id and school.period = sent.period
    where sent.dataset = 'student_support'
),

entry as (
    select
        sent.school_id,
        sent.period,
        sent.division_code,
        support.return_code
    from sent
    left join {{ ref('fct_student_support') }} as support
        on
            support.school_id = sent.school_id
            and support.period = sent.period
            and support.support_kind_code = '5'
),

spread as (
    {{ at_levels('entry') }}
)

select
    period,
    area_level,
    area_id,
    count(return_code) as entries,
    count(*) filter (where return_code = '1') as being_persuaded,
    count(*) filter (where return_code = '2') as returned,
    count(*) filter (where return_code = '3') as arranged_otherwise,
    count(*) filter (where return_code = '4') as no_dropout,
    count(*) filter (where return_code = '5') as not_returned,
    count(*) filter (where return_code in ('1', '5')) as open_entries,
    count(distinct school_id) as schools_reported
from spread
group by period, area_level, area_id
