select
    county.school_year,
    county.division_code,
    division.division_name,
    county.indicator_code,
    rule.indicator_name,
    rule.unit,
    county.numerator,
    county.denominator,
    county.value,
    county.comparator,
    county.threshold,
    county.distance,
    county.is_met,
    county.kindergartens_expected,
    county.kindergartens_reported,
    county.data_status
from {{ ref('ana_preschool_county') }} as county
inner join {{ ref('indicator') }} as rule on rule.indicator_code = county.indicator_code
left join {{ ref('dim_division') }} as division
    on division.division_code = county.division_code and division.is_current
