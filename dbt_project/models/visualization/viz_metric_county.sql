-- The metrics that count no persons, for everybody; the others are public only where suppression keeps them.
select
    metric,
    metric_name,
    unit,
    school_year,
    division_code,
    division_name,
    stage,
    stage_name,
    numerator,
    denominator,
    multiplier
from {{ ref('qry_metric') }}
where counts <> 'persons'
