-- A dimension's score is the mean of its checks; a dimension of which nothing could be looked at has none.
select
    org,
    org_level,
    dataset,
    period,
    cast(
        round(
            cast(sum(score) filter (where dimension = 'completeness') as decimal(18, 6))
            / nullif(count(score) filter (where dimension = 'completeness'), 0),
            2
        ) as decimal(5, 2)
    ) as completeness,
    cast(
        round(
            cast(sum(score) filter (where dimension = 'correctness') as decimal(18, 6))
            / nullif(count(score) filter (where dimension = 'correctness'), 0),
            2
        ) as decimal(5, 2)
    ) as correctness,
    cast(
        round(
            cast(sum(score) filter (where dimension = 'consistency') as decimal(18, 6))
            / nullif(count(score) filter (where dimension = 'consistency'), 0),
            2
        ) as decimal(5, 2)
    ) as consistency,
    cast(
        round(
            cast(sum(score) filter (where dimension = 'timeliness') as decimal(18, 6))
            / nullif(count(score) filter (where dimension = 'timeliness'), 0),
            2
        ) as decimal(5, 2)
    ) as timeliness,
    cast(sum(failed) as bigint) as failed
from {{ ref('mgt_scorecard_detail') }}
group by org, org_level, dataset, period
