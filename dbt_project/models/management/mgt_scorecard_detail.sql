-- What each score is made of: how much was looked at and how much of it failed, for a school, its county and the city.
-- Findings score the school whose rows they are of, also in a county's file. Those that were recorded before a finding
-- said its school are known for the file only, so that a file of many schools that has any scores the sender and the
-- city. So do schools of whom the calendar asks nothing.
with city as (
    select min(division_code) as division_code
    from {{ ref('dim_division') }}
    where division_level = 'city' and is_current
),

-- All deliveries that count: a later partial one does not undo what an earlier full one lacks.
counting as (
    select distinct -- a system that has two names for one school delivers one unit in two parts
        dataset,
        unit_owner,
        period,
        submission_id
    from {{ ref('unit_current') }}
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

file as (
    select
        delivery.submission_id,
        count(distinct delivery.unit_owner) as schools,
        min(delivery.unit_owner) as first_owner
    from delivery
    where delivery.submission_id in (select counting.submission_id from counting)
    group by delivery.submission_id
),

-- Accepted rows of which something is to be said; what is wrong with a quarantined one scores as not placed.
faulty as (
    select
        submission_id,
        sheet,
        row_number,
        max(school_code) as school_code,
        max(unit_owner) as unit_owner,
        count(*) filter (where severity = 'incomplete') > 0 as is_incomplete,
        count(*) filter (where severity = 'warn') > 0 as is_doubtful
    from {{ ref('col_finding') }}
    where row_number is not null
    group by submission_id, sheet, row_number
    having
        count(*) filter (where severity = 'quarantine') = 0
        and count(*) filter (where severity in ('incomplete', 'warn')) > 0
),

found as (
    select
        faulty.submission_id,
        case when file.schools = 1 then file.first_owner else faulty.unit_owner end as unit_owner,
        count(*) filter (where faulty.is_incomplete) as rows_incomplete,
        count(*) filter (where faulty.is_doubtful) as rows_doubtful
    from faulty
    inner join file on file.submission_id = faulty.submission_id
    group by faulty.submission_id, case when file.schools = 1 then file.first_owner else faulty.unit_owner end
),

untold as (
    select distinct faulty.submission_id -- a file has many rows
    from faulty
    inner join file on file.submission_id = faulty.submission_id
    where file.schools > 1 and faulty.school_code is null
),

unit as (
    select
        expected.dataset,
        expected.school_code,
        expected.managing_org,
        expected.period,
        expected.status,
        count(counting.submission_id) as deliveries,
        count(untold.submission_id) as untold_deliveries,
        sum(delivery.rows_read) as rows_read,
        sum(delivery.rows_accepted) as rows_accepted,
        sum(delivery.rows_quarantined) as rows_quarantined,
        sum(found.rows_incomplete) as rows_incomplete,
        sum(found.rows_doubtful) as rows_doubtful
    from {{ ref('mgt_expected_submission') }} as expected
    left join counting
        on
            counting.dataset = expected.dataset
            and counting.unit_owner = expected.school_code
            and counting.period = expected.period
    left join delivery
        on
            delivery.submission_id = counting.submission_id
            and delivery.dataset = counting.dataset
            and delivery.unit_owner = counting.unit_owner
            and delivery.period = counting.period
    left join untold on untold.submission_id = counting.submission_id
    left join found on found.submission_id = counting.submission_id and found.unit_owner = counting.unit_owner
    group by expected.dataset, expected.school_code, expected.managing_org, expected.period, expected.status
),

-- The deliveries of units that the calendar asks for.
asked as (
    select
        counting.submission_id,
        counting.dataset,
        counting.unit_owner,
        counting.period
    from counting
    inner join unit
        on
            unit.dataset = counting.dataset
            and unit.school_code = counting.unit_owner
            and unit.period = counting.period
),

-- A case of two schools or terms is open at each of them.
opened as (
    select
        place.dataset,
        place.school_code,
        place.period,
        count(distinct place.case_id) as cases
    from {{ ref('mgt_case_school') }} as place
    inner join {{ ref('mgt_case') }} as opened_case on opened_case.case_id = place.case_id
    where opened_case.status = 'open'
    group by place.dataset, place.school_code, place.period
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
            when 'values_present' then case when unit.untold_deliveries = 0 then unit.rows_accepted end
            when 'values_plausible' then case when unit.untold_deliveries = 0 then unit.rows_accepted end
            when 'not_held' then case when unit.deliveries > 0 then 1 end
            when 'no_case' then unit.rows_accepted
            when 'on_time' then 1
        end as counted,
        case check_name.check_code
            when 'delivered' then case when unit.status in ('missing', 'rejected') then 1 else 0 end
            when 'rows_placed' then unit.rows_quarantined
            when 'values_present' then coalesce(unit.rows_incomplete, 0)
            when 'values_plausible' then coalesce(unit.rows_doubtful, 0)
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
    left join opened
        on
            opened.dataset = unit.dataset
            and opened.school_code = unit.school_code
            and opened.period = unit.period
),

-- What no school answers for in a file of many: all of it, or the schools that are not asked for the dataset.
left_over as (
    select
        delivery.submission_id,
        sum(delivery.rows_accepted) as rows_accepted
    from delivery
    inner join file on file.submission_id = delivery.submission_id and file.schools > 1
    left join untold on untold.submission_id = delivery.submission_id
    left join counting
        on
            counting.submission_id = delivery.submission_id
            and counting.dataset = delivery.dataset
            and counting.unit_owner = delivery.unit_owner
            and counting.period = delivery.period
    left join asked
        on
            asked.submission_id = delivery.submission_id
            and asked.dataset = delivery.dataset
            and asked.unit_owner = delivery.unit_owner
            and asked.period = delivery.period
    where untold.submission_id is not null or (counting.submission_id is not null and asked.submission_id is null)
    group by delivery.submission_id
),

left_found as (
    select
        found.submission_id,
        sum(found.rows_incomplete) as rows_incomplete,
        sum(found.rows_doubtful) as rows_doubtful
    from found
    left join untold on untold.submission_id = found.submission_id
    left join counting on counting.submission_id = found.submission_id and counting.unit_owner = found.unit_owner
    left join asked on asked.submission_id = found.submission_id and asked.unit_owner = found.unit_owner
    where untold.submission_id is not null or (counting.submission_id is not null and asked.submission_id is null)
    group by found.submission_id
),

of_file as (
    select
        submission.dataset,
        submission.period,
        submission.submitter_org,
        check_name.dimension,
        check_name.check_code,
        left_over.rows_accepted as counted,
        case check_name.check_code
            when 'values_present' then coalesce(left_found.rows_incomplete, 0)
            else coalesce(left_found.rows_doubtful, 0)
        end as failed
    from left_over
    inner join {{ ref('col_submission') }} as submission on submission.submission_id = left_over.submission_id
    cross join (
        values ('completeness', 'values_present'), ('correctness', 'values_plausible')
    ) as check_name (dimension, check_code)
    left join left_found on left_found.submission_id = left_over.submission_id
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
