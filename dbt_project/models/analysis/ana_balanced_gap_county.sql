select
    gap.school_year,
    gap.division_code,
    gap.stage,
    gap.indicator_no,
    gap.unit,
    count(*) as schools_lacking,
    count(*) filter (where gap.lacking_to_floor > 0) as schools_below_floor,
    cast(sum(gap.lacking) as decimal(18, 2)) as lacking,
    cast(sum(gap.lacking_to_floor) as decimal(18, 2)) as lacking_to_floor
from {{ ref('ana_balanced_gap') }} as gap
group by gap.school_year, gap.division_code, gap.stage, gap.indicator_no, gap.unit
