{# First year of a rule against the year of a period: rules are dated by day, periods count from their first day of the
   school year, or 1 January. #}
{% macro is_valid_in(rule, period) -%}
    {{ period_year(period) }} >= extract(year from {{ rule }}.valid_from)
    and {{ period_year(period) }} <= coalesce(extract(year from {{ rule }}.valid_to), 9999)
{%- endmacro %}

{# Whether a row of learners (sex_code, is_migrant, is_left_behind, is_disabled) belongs to a cut of the seed
   indicator_breakdown. #}
{% macro is_in_cut(cut, learner) -%}
    (
        {{ cut }}.breakdown = 'all'
        or ({{ cut }}.breakdown = 'sex' and {{ cut }}.breakdown_value = {{ learner }}.sex_code)
        or (
            {{ cut }}.breakdown = 'support'
            and case {{ cut }}.breakdown_value
                when 'migrant' then {{ learner }}.is_migrant
                when 'left_behind' then {{ learner }}.is_left_behind
                when 'disabled' then {{ learner }}.is_disabled
            end
        )
    )
{%- endmacro %}

{# Completed years on 31 August of the year in which a school year begins (the day that population counts by). #}
{% macro school_age(birth_date, school_year) -%}
    {{ period_year(school_year) }} - extract(year from {{ birth_date }})
    - case when extract(month from {{ birth_date }}) > 8 then 1 else 0 end
{%- endmacro %}

{# The school year so many years later (or, negative, earlier) than a period's. #}
{% macro shifted_year(period, years) -%}
    cast({{ period_year(period) }} + {{ years }} as varchar)
    || '-' || cast({{ period_year(period) }} + {{ years }} + 1 as varchar)
{%- endmacro %}

{# Parts from claims: a school may have to report several things before its part of one indicator can be said (graduates
   of this year, entrants of an earlier one). Each is a claim with its share of numerator and denominator; where one was
   not reported, the part is not reported. #}
{% macro parts_of_claims(claim) -%}
    select
        summed.indicator_code,
        summed.period,
        summed.school_id as area_id,
        summed.division_code,
        summed.school_id,
        summed.stage,
        summed.breakdown,
        summed.breakdown_value,
        cast(case when summed.is_reported then summed.numerator end as decimal(18, 4)) as numerator,
        cast(case when summed.is_reported then summed.denominator end as decimal(18, 4)) as denominator,
        case when summed.is_reported then status.data_status else 'missing' end as data_status
    from (
        select
            claimed.indicator_code,
            claimed.period,
            claimed.school_id,
            claimed.stage,
            claimed.breakdown,
            claimed.breakdown_value,
            max(claimed.division_code) as division_code,
            bool_and(claimed.is_reported) as is_reported,
            sum(claimed.numerator) as numerator,
            sum(claimed.denominator) as denominator,
            min(order_of_claim.sort_order) as status_order
        from {{ claim }} as claimed
        inner join {{ ref('data_status') }} as order_of_claim on order_of_claim.data_status = claimed.data_status
        group by
            claimed.indicator_code, claimed.period, claimed.school_id, claimed.stage, claimed.breakdown,
            claimed.breakdown_value
    ) as summed
    inner join {{ ref('data_status') }} as status on status.sort_order = summed.status_order
{%- endmacro %}
