{#
  The newest landing of each submission that was recorded by the time the build looks from: a submission that was landed
  again under a later contract counts once, and an earlier time sees the earlier landing.
#}
{% macro newest_landing() -%}
    select *
    from (
        select
            landing.*,
            row_number() over (
                partition by landing.submission_id
                order by landing.recorded_at desc, landing.batch_id desc
            ) as newest_landing_no
        from {{ source('runs', 'submission') }} as landing
        where {{ is_recorded('landing.recorded_at') }}
    ) as numbered
    where newest_landing_no = 1
{%- endmacro %}

{# First year of a period of any kind: 2024 of 2024-2025/1, 2024-2025, FY2024 and 2024-09-01. #}
{% macro period_year(period) -%}
    cast(substr(replace({{ period }}, 'FY', ''), 1, 4) as integer)
{%- endmacro %}
