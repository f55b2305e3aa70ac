with people_confirmed as (
    {{ least_status(['student', 'staff']) }}
),

pupils_confirmed as (
    {{ least_status(['student']) }}
),

premises_confirmed as (
    {{ least_status(['campus_facility']) }}
),

indicator as (
    select
        input.school_year,
        input.division_code,
        input.school_id,
        input.stage,
        input.pupils,
        rule.indicator_no,
        rule.threshold,
        rule.floor_value,
        cast(case rule.indicator_no
            when 1 then input.higher_teachers
            when 2 then input.backbone_teachers
            when 3 then input.arts_sports_teachers
            when 4 then input.teaching_area_m2
            when 5 then input.sports_area_m2
            when 6 then input.equipment_value_yuan
            when 7 then input.multimedia_classrooms
        end as decimal(18, 2)) as total,
        case when rule.indicator_no >= 4 then input.weighted_pupils else 1 end as share_of,
        case when rule.indicator_no >= 4 then input.weighted_total else 1 end as share_in,
        rule.multiplier
    from {{ ref('ana_balanced_input') }} as input
    inner join {{ ref('balanced_threshold') }} as rule
        on rule.stage = input.stage and {{ is_valid_in('rule', 'input.school_year') }}
),

valued as (
    select
        indicator.*,
        cast(total * share_of / share_in as decimal(28, 10)) as numerator_exact,
        cast(multiplier * total * share_of / share_in / pupils as decimal(28, 10)) as value_exact
    from indicator
),

judged as (
    select
        valued.*,
        case
            when valued.value_exact is null then 'missing'
            when valued.indicator_no <= 3 then coalesce(people.data_status, {{ unconfirmed_status() }})
            when pupils_order.sort_order < premises_order.sort_order then pupils.data_status
            else coalesce(premises.data_status, {{ unconfirmed_status() }})
        end as data_status
    from valued
    left join people_confirmed as people
        on people.school_id = valued.school_id and people.period = valued.school_year || '/1'
    left join pupils_confirmed as pupils
        on pupils.school_id = valued.school_id and pupils.period = valued.school_year || '/1'
    left join premises_confirmed as premises
        on premises.school_id = valued.school_id and premises.period = valued.school_year
    left join {{ ref('data_status') }} as pupils_order on pupils_order.data_status = pupils.data_status
    left join {{ ref('data_status') }} as premises_order on premises_order.data_status = premises.data_status
)

select
    judged.school_year,
    judged.division_code,
    judged.school_id,
    judged.stage,
    cast(judged.indicator_no as integer) as indicator_no,
    judged.numerator_exact,
    judged.pupils,
    judged.value_exact,
    judged.threshold,
    judged.floor_value,
    judged.data_status
from judged
