with confirmed as (
    select
        org.dataset,
        org.unit_owner,
        org.period,
        org.school_id,
        case
            when city.approval_state = 'locked' then 'official'
            when county.approval_state = 'valid' then 'county_approved'
            when school.approval_state = 'valid' then 'school_confirmed'
            else {{ unconfirmed_status() }}
        end as data_status
    from {{ ref('unit_org') }} as org
    left join {{ ref('unit_approval') }} as school
        on
            school.org = org.unit_owner
            and school.dataset = org.dataset
            and school.period = org.period
            and school.org_level = 'school'
    left join {{ ref('unit_approval') }} as county
        on
            county.org = org.county_org
            and county.dataset = org.dataset
            and county.period = org.period
            and county.org_level = 'county'
    left join {{ ref('unit_approval') }} as city
        on
            city.org = org.city_org
            and city.dataset = org.dataset
            and city.period = org.period
            and city.org_level = 'city'
)

select
    confirmed.dataset,
    confirmed.unit_owner,
    confirmed.period,
    confirmed.school_id,
    confirmed.data_status,
    status.sort_order as status_order
from confirmed
inner join {{ ref('data_status') }} as status on status.data_status = confirmed.data_status
