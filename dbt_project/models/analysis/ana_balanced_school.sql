select
    judged.school_year,
    judged.division_code,
    judged.school_id,
    judged.stage,
    judged.indicator_no,
    cast(round(judged.numerator_exact, 4) as decimal(18, 4)) as numerator,
    judged.pupils,
    cast(round(judged.value_exact, 4) as decimal(18, 4)) as value,
    judged.threshold,
    judged.floor_value,
    case when status.allows_verdict then judged.value_exact >= judged.threshold end as is_met,
    case when status.allows_verdict then judged.value_exact >= judged.floor_value end as is_floor_met,
    judged.data_status
from {{ ref('ana_balanced_value') }} as judged
inner join {{ ref('data_status') }} as status on status.data_status = judged.data_status
