-- Rows that count against rows of the fact that they make. A key that several deliveries or rows carry counts once, so
-- a fact never has more rows than count.
with counting as (
    select
        dataset,
        period,
        sum(rows_counting) as rows_counting
    from {{ ref('mgt_row_count_flow') }}
    group by dataset, period
),

fact as (
    select
        'student' as dataset,
        period,
        count(*) as rows_fact,
        count(*) filter (where is_enrolled) as rows_in_figures
    from {{ ref('fct_enrolment_snapshot') }}
    group by period
    union all
    select
        'staff',
        period,
        count(*),
        count(*) filter (where is_in_service)
    from {{ ref('fct_staff_snapshot') }}
    group by period
    union all
    select
        'class',
        period,
        count(*),
        count(*)
    from {{ ref('dim_class') }}
    group by period
    union all
    select
        'school',
        period,
        count(*),
        count(*)
    from {{ ref('dim_school') }}
    group by period
    union all
    select
        'campus_facility',
        school_year,
        count(*),
        count(*)
    from {{ ref('fct_campus_facility') }}
    group by school_year
    union all
    select
        'base_table_figure',
        school_year,
        count(*),
        cast(0 as bigint)
    from {{ ref('fct_base_table_figure') }}
    group by school_year
)

select
    fact.dataset,
    fact.period,
    cast(coalesce(counting.rows_counting, 0) as bigint) as rows_counting,
    fact.rows_fact,
    fact.rows_in_figures
from fact
left join counting on counting.dataset = fact.dataset and counting.period = fact.period
