-- What each score is made of: how much was looked at and how much of it failed, for a school, its county and the city.
-- Findings of rows in a file of many schools are known for the file, so they score the sender and the city only.
with city as (
    select min(division_code) as division_code
    from {{ ref('dim_division') }}
    where division_level = 'city' and is_current
),

newest as (
    select
        dataset,
        unit_owner,
        period,
        max(submission_id) as submission_id
    from {{ ref('unit_current') }}
    where delivery_rank = 1
    group by dataset, unit_owner, period
),

delivery as (
    select
        dataset,
        unit_owner,
        period,
        submission_id,
        sum(rows_read) as rows_read,
        sum(rows_accepted) as rows_accepted,
        sum(rows_quarantined) as rows_quarantined
    from {{ ref('col_unit') }}
    group by dataset, unit_owner, period, submission_id
),

unit as (
    select
        expected.dataset,
        expected.school_code,
        expected.managing_org,
        expected.period,
        expected.status,
        newest.submission_id,
        delivery.rows_read,
        delivery.rows_accepted,
        delivery.rows_quarantined
    from {{ ref('mgt_expected_submission') }} as expected
    left join newest
        on
            newest.dataset = expected.dataset
            and newest.unit_owner = expected.school_code
            and newest.period = expected.period
    left join delivery
        on
            delivery.submission_id = newest.submission_id
            and delivery.dataset = expected.dataset
            and delivery.unit_owner = expected.school_code
            and delivery.period = expected.period
),

file as (
    select
        delivery.submission_id,
        count(distinct delivery.unit_owner) as schools,
        sum(delivery.rows_accepted) as rows_accepted
    from delivery
    where delivery.submission_id in (select newest.submission_id from newest)
    group by delivery.submission_id
),

found as (
    select
        finding.submission_id,
        count(distinct coalesce(finding.sheet, '') || '/' || cast(finding.row_number as varchar))
        filter (where finding.severity = 'incomplete') as rows_incomplete,
        count(distinct coalesce(finding.sheet, '') || '/' || cast(finding.row_number as varchar))
        filter (where finding.severity = 'warn') as rows_doubtful
    from {{ ref('col_finding') }} as finding
    where finding.row_number is not null and finding.severity in ('incomplete', 'warn')
    group by finding.submission_id
),

opened as (
    select
        dataset,
        school_code,
        period,
        count(*) as cases
    from {{ ref('mgt_case') }}
    where status = 'open'
    group by dataset, school_code, period
),

checked as (
    select
        unit.dataset,
        unit.period,
        unit.school_code,
        unit.managing_org,
        check_name.dimension,
        check_name.check_code,
        case check_name.check_code
            when 'delivered' then 1
            when 'rows_placed' then unit.rows_read
            when 'values_present' then case when file.schools = 1 then unit.rows_accepted end
            when 'values_plausible' then case when file.schools = 1 then unit.rows_accepted end
            when 'not_held' then case when unit.submission_id is not null then 1 end
            when 'no_case' then unit.rows_accepted
            when 'on_time' then 1
        end as counted,
        case check_name.check_code
            when 'delivered' then case when unit.status in ('missing', 'rejected') then 1 else 0 end
            when 'rows_placed' then unit.rows_quarantined
            when 'values_present' then coalesce(found.rows_incomplete, 0)
            when 'values_plausible' then coalesce(found.rows_doubtful, 0)
            when 'not_held' then case when unit.status = 'held' then 1 else 0 end
            when 'no_case' then least(coalesce(opened.cases, 0), unit.rows_accepted)
            when 'on_time' then case when unit.status in ('late', 'missing', 'rejected') then 1 else 0 end
        end as failed
    from unit
    cross join (
        values
        ('completeness', 'delivered'),
        ('completeness', 'rows_placed'),
        ('completeness', 'values_present'),
        ('correctness', 'values_plausible'),
        ('consistency', 'not_held'),
        ('consistency', 'no_case'),
        ('timeliness', 'on_time')
    ) as check_name (dimension, check_code)
    left join file on file.submission_id = unit.submission_id
    left join found on found.submission_id = unit.submission_id
    left join opened
        on
            opened.dataset = unit.dataset
            and opened.school_code = unit.school_code
            and opened.period = unit.period
),

of_file as (
    select
        submission.dataset,
        submission.period,
        submission.submitter_org,
        check_name.dimension,
        check_name.check_code,
        file.rows_accepted as counted,
        case check_name.check_code
            when 'values_present' then coalesce(found.rows_incomplete, 0)
            else coalesce(found.rows_doubtful, 0)
        end as failed
    from file
    inner join {{ ref('col_submission') }} as submission on submission.submission_id = file.submission_id
    cross join (
        values ('completeness', 'values_present'), ('correctness', 'values_plausible')
    ) as check_name (dimension, check_code)
    left join found on found.submission_id = file.submission_id
    where file.schools > 1
),

placed as (
    select
        school_code as org,
        'school' as org_level,
        dataset,
        period,
        dimension,
        check_code,
        counted,
        failed
    from checked
    union all
    select
        checked.managing_org,
        'county',
        checked.dataset,
        checked.period,
        checked.dimension,
        checked.check_code,
        checked.counted,
        checked.failed
    from checked
    cross join city
    where checked.managing_org <> city.division_code
    union all
    select
        of_file.submitter_org,
        'county',
        of_file.dataset,
        of_file.period,
        of_file.dimension,
        of_file.check_code,
        of_file.counted,
        of_file.failed
    from of_file
    cross join city
    where of_file.submitter_org <> city.division_code
    union all
    select
        city.division_code,
        'city',
        checked.dataset,
        checked.period,
        checked.dimension,
        checked.check_code,
        checked.counted,
        checked.failed
    from checked
    cross join city
    union all
    select
        city.division_code,
        'city',
        of_file.dataset,
        of_file.period,
        of_file.dimension,
        of_file.check_code,
        of_file.counted,
        of_file.failed
    from of_file
    cross join city
)

select
    org,
    org_level,
    dataset,
    period,
    dimension,
    check_code,
    cast(sum(counted) as bigint) as counted,
    cast(sum(failed) as bigint) as failed,
    cast(
        round(cast(100 * (sum(counted) - sum(failed)) as decimal(38, 6)) / sum(counted), 2) as decimal(5, 2)
    ) as score
from placed
where counted > 0
group by org, org_level, dataset, period, dimension, check_code
