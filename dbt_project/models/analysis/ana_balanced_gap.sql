-- What a school lacks to the standard, in teachers, square metres, yuan and rooms. Premises of a school of several
-- stages serve all of them: to give one stage what it lacks, the school needs more by the stage's share.
with missed as (
    select
        value.school_year,
        value.division_code,
        value.school_id,
        value.stage,
        value.indicator_no,
        value.pupils,
        value.numerator_exact,
        value.value_exact,
        rule.threshold,
        rule.floor_value,
        rule.multiplier,
        rule.unit,
        value.data_status,
        case
            when value.indicator_no >= 4 then input.weighted_total / input.weighted_pupils
            else 1
        end as school_factor
    from {{ ref('ana_balanced_value') }} as value
    inner join {{ ref('data_status') }} as status on status.data_status = value.data_status
    inner join {{ ref('balanced_threshold') }} as rule
        on
            rule.stage = value.stage
            and rule.indicator_no = value.indicator_no
            and {{ is_valid_in('rule', 'value.school_year') }}
    inner join {{ ref('ana_balanced_input') }} as input
        on
            input.school_year = value.school_year
            and input.school_id = value.school_id
            and input.stage = value.stage
    where status.allows_verdict and value.value_exact < rule.threshold
),

measured as (
    select
        missed.*,
        cast(threshold * pupils / multiplier as decimal(28, 10)) as required_exact,
        cast(threshold * pupils / multiplier - numerator_exact as decimal(28, 8)) as lacking_exact,
        cast(greatest(floor_value * pupils / multiplier - numerator_exact, 0) as decimal(28, 8))
            as lacking_to_floor_exact,
        cast((threshold * pupils / multiplier - numerator_exact) * school_factor as decimal(28, 6))
            as lacking_of_school_exact
    from missed
)

-- Persons and rooms are whole; areas and money are rounded up to the cent, so that what is given suffices.
select
    school_year,
    division_code,
    school_id,
    stage,
    indicator_no,
    unit,
    pupils,
    cast(round(numerator_exact, 4) as decimal(18, 4)) as numerator,
    cast(round(value_exact, 4) as decimal(18, 4)) as value,
    threshold,
    floor_value,
    cast(round(value_exact - threshold, 4) as decimal(18, 4)) as distance,
    cast(round(required_exact, 4) as decimal(18, 4)) as required,
    {% for column in ['lacking', 'lacking_to_floor', 'lacking_of_school'] -%}
        cast(
            case when unit in ('人', '间') then ceil({{ column }}_exact) else ceil({{ column }}_exact * 100) / 100 end
            as decimal(18, 2)
        ) as {{ column }},
    {% endfor -%}
    data_status
from measured
