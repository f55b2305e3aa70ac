{#
  The newest landing of each submission that was recorded by the time the build looks from: a submission that was landed
  again under a later contract counts once, and an earlier time sees the earlier landing. Of a submission that the city
  locked, the landing that it saw counts; of a lock that did not record it, the newest of before the lock.
#}
{% macro newest_landing() -%}
    select *
    from (
        select
            landing.*,
            row_number() over (
                partition by landing.submission_id
                order by
                    case when landing.batch_id = locked.batch_id then 0 else 1 end,
                    case when landing.recorded_at > locked.locked_at then 1 else 0 end,
                    landing.recorded_at desc,
                    landing.batch_id desc
            ) as newest_landing_no
        from {{ source('runs', 'submission') }} as landing
        left join (
            select
                seen.submission_id,
                min(seen.batch_id) as batch_id,
                min(approval.recorded_at) as locked_at
            from {{ ref('col_approval_seen') }} as seen
            inner join {{ ref('col_approval') }} as approval on approval.approval_id = seen.approval_id
            where approval.org_level = 'city'
            group by seen.submission_id
        ) as locked on locked.submission_id = landing.submission_id
        where {{ is_recorded('landing.recorded_at') }}
    ) as numbered
    where newest_landing_no = 1
{%- endmacro %}

{# First year of a period of any kind: 2024 of 2024-2025/1, 2024-2025, FY2024 and 2024-09-01. #}
{% macro period_year(period) -%}
    cast(substr(replace({{ period }}, 'FY', ''), 1, 4) as integer)
{%- endmacro %}
