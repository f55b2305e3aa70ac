select
    dataset,
    period,
    division_code,
    count(*) as expected,
    count(*) filter (where status in ('received', 'late')) as received,
    count(*) filter (where status = 'late') as late,
    count(*) filter (where status = 'held') as held,
    count(*) filter (where status = 'rejected') as rejected,
    count(*) filter (where status = 'missing') as missing,
    cast(
        round(100.0 * count(*) filter (where status in ('received', 'late')) / count(*), 2) as decimal(5, 2)
    ) as coverage_pct
from {{ ref('mgt_expected_submission') }}
group by dataset, period, division_code
