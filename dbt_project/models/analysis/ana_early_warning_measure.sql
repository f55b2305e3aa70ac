-- What the rules of early warning look at: one figure of an area, of each level that a rule is for; null where it
-- cannot be said.
with roll as (
    select
        due.school_id,
        due.division_code,
        due.school_year,
        case when due.is_reported then coalesce(sum(learner.pupils), 0) end as pupils
    from {{ ref('unit_expected') }} as due
    left join {{ ref('ana_learner_count') }} as learner
        on learner.school_id = due.school_id and learner.school_year = due.school_year
    where due.dataset = 'student' and due.term = 1
    group by due.school_id, due.division_code, due.school_year, due.is_reported
),

roster as (
    select
        due.school_id,
        due.division_code,
        due.school_year,
        case when due.is_reported then count(staff.person_id) end as teachers
    from {{ ref('unit_expected') }} as due
    left join {{ ref('fct_staff_snapshot') }} as staff
        on
            staff.school_id = due.school_id
            and staff.period = due.period
            and staff.is_full_time_teacher
            and staff.is_in_service
    where due.dataset = 'staff' and due.term = 1
    group by due.school_id, due.division_code, due.school_year, due.is_reported
),

class_size as (
    select
        school_id,
        division_code,
        school_year,
        count(*) as classes,
        count(*) filter (where is_large) as large_classes
    from {{ ref('ana_class_size') }}
    where term = 1 and stage <> 'higher'
    group by school_id, division_code, school_year
),

ledger as (
    select
        sent.school_id,
        school.division_code,
        school.school_year,
        count(*) filter (where support.return_code in ('1', '5')) as open_entries
    from {{ ref('unit_sent') }} as sent
    inner join {{ ref('dim_school') }} as school on school.school_id = sent.school_id and school.period = sent.period
    left join {{ ref('fct_student_support') }} as support
        on support.school_id = sent.school_id and support.period = sent.period and support.support_kind_code = '5'
    where sent.dataset = 'student_support'
    group by sent.school_id, school.division_code, school.school_year
),

-- What is not due yet is no report that is missing, and what was held counts as not reported.
owed as (
    select
        due.school_id,
        due.division_code,
        due.school_year,
        count(*) as owed,
        count(*) filter (where not due.is_reported) as missing,
        count(*) filter (where due.is_reported) as reported,
        count(*) filter (where due.is_reported and sent.received_on > due.due_date) as late
    from {{ ref('unit_expected') }} as due
    left join {{ ref('unit_sent') }} as sent
        on sent.dataset = due.dataset and sent.school_id = due.school_id and sent.period = due.period
    where due.is_due and due.is_owed
    group by due.school_id, due.division_code, due.school_year
),

sight as (
    select
        school_id,
        division_code,
        period as school_year,
        stage,
        numerator as myopic,
        denominator as judged
    from {{ ref('ana_health_vision_part') }}
    where indicator_code = 'health.myopia_rate' and breakdown = 'all' and stage in ('primary', 'junior', 'senior')
),

school_part as (
    select
        'pupils_falling' as rule_code,
        roll.school_id,
        roll.division_code,
        roll.school_year,
        before.pupils - roll.pupils as numerator,
        before.pupils as denominator
    from roll
    inner join roll as before
        on before.school_id = roll.school_id and before.school_year = {{ shifted_year('roll.school_year', -1) }}
    union all
    select
        'teacher_loss' as rule_code,
        roster.school_id,
        roster.division_code,
        roster.school_year,
        before.teachers - roster.teachers as numerator,
        before.teachers as denominator
    from roster
    inner join roster as before
        on before.school_id = roster.school_id and before.school_year = {{ shifted_year('roster.school_year', -1) }}
    union all
    select
        'large_classes' as rule_code,
        school_id,
        division_code,
        school_year,
        large_classes as numerator,
        classes as denominator
    from class_size
    union all
    select
        'dropout_suspected' as rule_code,
        school_id,
        division_code,
        school_year,
        open_entries as numerator,
        null as denominator
    from ledger
    union all
    select
        'reports_missing' as rule_code,
        school_id,
        division_code,
        school_year,
        missing as numerator,
        owed as denominator
    from owed
    union all
    select
        'reports_late' as rule_code,
        school_id,
        division_code,
        school_year,
        late as numerator,
        reported as denominator
    from owed
    union all
    select
        'myopia_' || stage as rule_code,
        school_id,
        division_code,
        school_year,
        myopic as numerator,
        judged as denominator
    from sight
),

spread as (
    {{ at_levels('school_part') }}
),

ruled as (
    select distinct -- a rule may have another line in another year
        rule_code,
        area_level
    from {{ ref('early_warning_rule') }}
),

summed as (
    select
        spread.rule_code,
        spread.school_year,
        spread.area_level,
        spread.area_id,
        spread.rule_code = 'dropout_suspected' as is_count,
        sum(spread.numerator) filter (
            where
            spread.numerator is not null
            and (spread.rule_code = 'dropout_suspected' or spread.denominator is not null)
        )
            as numerator,
        sum(spread.denominator) filter (where spread.numerator is not null) as denominator
    from spread
    inner join ruled on ruled.rule_code = spread.rule_code and ruled.area_level = spread.area_level
    group by spread.rule_code, spread.school_year, spread.area_level, spread.area_id
)

select
    rule_code,
    school_year,
    area_level,
    area_id,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator,
    cast(round(
        case when is_count then numerator else 100 * numerator / nullif(cast(denominator as decimal(18, 4)), 0) end, 4
    ) as decimal(18, 4)) as value
from summed
