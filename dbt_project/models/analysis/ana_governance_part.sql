-- Yearly inspection of private schools, groups of schools, credit records, public funds against the standard.
with school as (
    select
        school_id,
        period,
        school_year,
        division_code,
        is_private
    from {{ ref('dim_school') }}
    where term = 1
),

inspection as (
    select
        school.school_year as period,
        school.school_id,
        school.division_code,
        'all' as stage,
        sent.dataset is not null as is_reported,
        coalesce(sent.data_status, 'missing') as data_status,
        -- More than the allowed months late is failed, whatever the result that was reported.
        coalesce(
            cast(found.submitted_on as date)
            > make_date({{ period_year('school.school_year') }} + 1, rule.due_month, rule.due_day)
            + to_months(rule.late_months),
            false
        ) as is_too_late,
        found.result_code
    from school
    inner join {{ ref('inspection_rule') }} as rule on {{ is_valid_in('rule', 'school.school_year') }}
    left join {{ ref('unit_sent') }} as sent
        on
            sent.dataset = 'private_inspection'
            and sent.school_id = school.school_id
            and sent.period = school.school_year
    left join {{ ref('fct_private_inspection') }} as found
        on found.school_id = school.school_id and found.period = school.school_year
    where school.is_private
),

member as (
    select distinct -- a school may be in several groups
        school_id,
        period
    from {{ ref('fct_school_group') }}
),

grouped as (
    select
        school.school_year as period,
        school.school_id,
        school.division_code,
        taught.stage,
        true as is_reported,
        {{ unconfirmed_status() }} as data_status,
        case when member.school_id is not null then 1 else 0 end as is_member
    from school
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = school.school_id and taught.period = school.period
    left join member on member.school_id = school.school_id and member.period = school.school_year
    where taught.stage in ('preschool', 'primary', 'junior', 'senior')
),

credit as (
    select
        record.period,
        record.school_id,
        school.division_code,
        'all' as stage,
        true as is_reported,
        sent.data_status,
        record.credit_level_code,
        record.appeal_code,
        count(*) as records,
        count(*) filter (where record.is_reviewed) as reviewed
    from {{ ref('fct_credit_evaluation') }} as record
    inner join school on school.school_id = record.school_id and school.school_year = record.period
    inner join {{ ref('unit_sent') }} as sent
        on
            sent.dataset = 'credit_evaluation'
            and sent.school_id = record.school_id
            and sent.period = record.period
    group by
        record.period, record.school_id, school.division_code, sent.data_status, record.credit_level_code,
        record.appeal_code
),

pupil as (
    select
        school_id,
        school_year,
        stage,
        count(*) as pupils,
        count(*) filter (where boarding_code = '2') as boarders
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1
    group by school_id, school_year, stage
),

granted as (
    select
        school_id,
        period,
        case stage_code when '2' then 'primary' when '3' then 'junior' when '6' then 'special' end as stage,
        sum(amount_yuan) as yuan
    from {{ ref('fct_finance') }}
    where item_code = '300'
    group by school_id, period, stage_code
),

funds as (
    select
        due.period,
        due.school_id,
        due.division_code,
        taught.stage,
        due.is_reported and coalesce(roll.is_reported, false) and granted.yuan is not null as is_reported,
        due.data_status,
        granted.yuan,
        coalesce(pupil.pupils, 0) as pupils,
        case when coalesce(pupil.pupils, 0) = 0 then 0 else greatest(pupil.pupils, rule.minimum_pupils) end
        * rule.yuan_per_pupil
        + coalesce(pupil.boarders, 0) * rule.yuan_per_boarder as required_yuan
    from {{ ref('unit_expected') }} as due
    inner join {{ ref('bridge_school_stage') }} as taught
        on taught.school_id = due.school_id and taught.school_year = due.school_year and taught.term = 1
    inner join {{ ref('funds_standard') }} as rule
        on rule.stage = taught.stage and {{ is_valid_in('rule', 'due.period') }}
    left join {{ ref('unit_expected') }} as roll
        on
            roll.dataset = 'student'
            and roll.school_id = due.school_id
            and roll.school_year = due.school_year
            and roll.term = 1
    left join granted
        on granted.school_id = due.school_id and granted.period = due.period and granted.stage = taught.stage
    left join pupil
        on
            pupil.school_id = due.school_id
            and pupil.school_year = due.school_year
            and pupil.stage = taught.stage
    where due.dataset = 'finance'
),

claim as (
    {% for code, source, numerator, denominator, breakdown, value in [
        ('inspection_pass_pct', 'inspection', "case when result_code = '1' and not is_too_late then 1 else 0 end", '1',
         "'all'", "'all'"),
        ('inspection_fail_pct', 'inspection', "case when result_code = '3' or is_too_late then 1 else 0 end", '1',
         "'all'", "'all'"),
        ('inspection_late', 'inspection', 'case when is_too_late then 1 else 0 end', 'null', "'all'", "'all'"),
        ('group_coverage_pct', 'grouped', 'is_member', '1', "'all'", "'all'"),
        ('credit_records', 'credit', 'records', 'null', "'credit_level'", 'credit_level_code'),
        ('credit_appeals', 'credit', 'records', 'null', "'appeal'", 'appeal_code'),
        ('credit_reviewed_pct', 'credit', 'reviewed', 'records', "'all'", "'all'"),
        ('public_funds_per_pupil', 'funds', 'yuan', 'pupils', "'all'", "'all'"),
        ('public_funds_met_pct', 'funds', 'yuan', 'required_yuan', "'all'", "'all'"),
    ] %}
        select
            'governance.{{ code }}' as indicator_code,
            period,
            school_id,
            division_code,
            stage,
            {{ breakdown }} as breakdown,
            coalesce({{ value }}, '9') as breakdown_value,
            is_reported,
            cast({{ numerator }} as decimal(18, 4)) as numerator,
            cast({{ denominator }} as decimal(18, 4)) as denominator,
            data_status
        from {{ source }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

{{ parts_of_claims('claim') }}
