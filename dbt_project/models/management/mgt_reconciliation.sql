-- The same figure from two datasets, side by side; the counted one is what indicators use, the other is never mixed in.
with roster as (
    select
        pupil.school_id,
        pupil.period,
        pupil.snapshot_date,
        pupil.grade_code,
        count(*) filter (where pupil.is_enrolled) as pupils
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    group by pupil.school_id, pupil.period, pupil.snapshot_date, pupil.grade_code
),

-- Classes say their pupils by the grade that they are registered under, also where they have several (复式班).
roster_by_class_grade as (
    select
        pupil.school_id,
        pupil.period,
        pupil.snapshot_date,
        coalesce(mixed.grade_code, pupil.grade_code) as grade_code,
        count(*) filter (where pupil.is_enrolled) as pupils
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    left join {{ ref('dim_class') }} as mixed
        on
            mixed.is_mixed_grade
            and mixed.school_id = pupil.school_id
            and mixed.period = pupil.period
            and mixed.class_code = pupil.class_code
    group by
        pupil.school_id, pupil.period, pupil.snapshot_date, coalesce(mixed.grade_code, pupil.grade_code)
),

class_sum as (
    select
        school_id,
        period,
        snapshot_date,
        grade_code,
        sum(reported_pupils) as pupils
    from {{ ref('dim_class') }}
    where reported_pupils is not null
    group by school_id, period, snapshot_date, grade_code
),

-- Only what both datasets were sent for is compared: a missing delivery is missing, not zero.
both_sent as (
    select distinct
        class_sum.school_id,
        class_sum.period,
        class_sum.snapshot_date
    from class_sum
    inner join roster
        on
            roster.school_id = class_sum.school_id
            and roster.period = class_sum.period
            and roster.snapshot_date = class_sum.snapshot_date
),

by_grade as (
    select
        'pupils_by_grade' as measure,
        coalesce(roster.school_id, class_sum.school_id) as school_id,
        coalesce(roster.period, class_sum.period) as period,
        coalesce(roster.snapshot_date, class_sum.snapshot_date) as snapshot_date,
        coalesce(roster.grade_code, class_sum.grade_code) as grade_code,
        coalesce(roster.pupils, 0) as counted_value,
        coalesce(class_sum.pupils, 0) as other_value
    from roster_by_class_grade as roster
    full outer join class_sum
        on
            class_sum.school_id = roster.school_id
            and class_sum.period = roster.period
            and class_sum.snapshot_date = roster.snapshot_date
            and class_sum.grade_code = roster.grade_code
),

-- What a form of the statistics says of a grade; a mark says that there is nobody, an empty cell says nothing.
form as (
    select
        school_id,
        school_year || '/1' as period,
        snapshot_date,
        row_code as grade_code,
        sum(case when is_not_applicable then 0 else value end) as pupils
    from {{ ref('fct_base_table_figure') }}
    where column_code = 'pupils_total' and row_code <> 'total' and (is_not_applicable or value is not null)
    group by school_id, school_year, snapshot_date, row_code
),

roster_sent as (
    select distinct
        school_id,
        period,
        snapshot_date
    from roster
),

by_form as (
    select
        'pupils_by_grade_in_forms' as measure,
        form.school_id,
        form.period,
        form.snapshot_date,
        form.grade_code,
        coalesce(roster.pupils, 0) as counted_value,
        form.pupils as other_value
    from form
    inner join roster_sent
        on
            roster_sent.school_id = form.school_id
            and roster_sent.period = form.period
            and roster_sent.snapshot_date = form.snapshot_date
    left join roster
        on
            roster.school_id = form.school_id
            and roster.period = form.period
            and roster.snapshot_date = form.snapshot_date
            and roster.grade_code = form.grade_code
),

-- Posts speak of 1 September, so they are held against the first snapshot of the year's first term. A person with
-- several posts at a school is one, and who was not appointed holds none.
staff_term as (
    select
        school_id,
        school_year,
        period,
        min(snapshot_date) as snapshot_date
    from {{ ref('fct_staff_snapshot') }}
    where term = 1
    group by school_id, school_year, period
),

in_service as (
    select
        staff_term.school_id,
        staff_term.school_year,
        staff_term.period,
        staff_term.snapshot_date,
        count(*) filter (where member.is_in_service) as members
    from staff_term
    inner join {{ ref('fct_staff_snapshot') }} as member
        on
            member.school_id = staff_term.school_id
            and member.period = staff_term.period
            and member.snapshot_date = staff_term.snapshot_date
    group by staff_term.school_id, staff_term.school_year, staff_term.period, staff_term.snapshot_date
),

in_post as (
    select
        post.school_id,
        post.period as school_year,
        count(
            distinct case when unheld.appointment_code is null then coalesce(post.person_id, post.row_key) end
        ) as members
    from {{ ref('fct_staff_post') }} as post
    left join {{ ref('appointment_without_post') }} as unheld on unheld.appointment_code = post.appointment_code
    group by post.school_id, post.period
),

by_post as (
    select
        'staff_in_post' as measure,
        in_service.school_id,
        in_service.period,
        in_service.snapshot_date,
        '' as grade_code,
        in_service.members as counted_value,
        in_post.members as other_value
    from in_service
    inner join in_post on in_post.school_id = in_service.school_id and in_post.school_year = in_service.school_year
),

compared as (
    select by_form.*
    from by_form
    union all
    select by_post.*
    from by_post
    union all
    select by_grade.*
    from by_grade
    inner join both_sent
        on
            both_sent.school_id = by_grade.school_id
            and both_sent.period = by_grade.period
            and both_sent.snapshot_date = by_grade.snapshot_date
    union all
    select
        'pupils_by_school',
        by_grade.school_id,
        by_grade.period,
        by_grade.snapshot_date,
        '',
        sum(by_grade.counted_value),
        sum(by_grade.other_value)
    from by_grade
    inner join both_sent
        on
            both_sent.school_id = by_grade.school_id
            and both_sent.period = by_grade.period
            and both_sent.snapshot_date = by_grade.snapshot_date
    group by by_grade.school_id, by_grade.period, by_grade.snapshot_date
)

select
    compared.measure,
    compared.period,
    compared.snapshot_date,
    compared.school_id,
    school.school_code,
    school.division_code,
    compared.grade_code,
    rule.counted_dataset,
    cast(compared.counted_value as bigint) as counted_value,
    rule.other_dataset,
    cast(compared.other_value as bigint) as other_value,
    cast(compared.other_value - compared.counted_value as bigint) as difference,
    rule.tolerance,
    abs(compared.other_value - compared.counted_value) <= rule.tolerance as is_within
from compared
inner join {{ ref('reconciliation_rule') }} as rule on rule.measure = compared.measure
inner join {{ ref('dim_school') }} as school
    on school.school_id = compared.school_id and school.period = compared.period
