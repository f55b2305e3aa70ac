with registered as (
    {{ current_rows('school', [
        'school_code', 'period', 'snapshot_date', 'school_name', 'school_kind_code', 'sponsor_code', 'division_code',
        'township_code', 'urban_rural_code', 'managing_org', 'founded_ym', 'is_boarding', 'is_inclusive',
        'approved_posts'
    ]) }}
)

select
    'S' || coalesce(change.first_school_code, registered.school_code) as school_id,
    registered.period,
    {{ school_year('registered.period') }} as school_year,
    {{ term_no('registered.period') }} as term,
    registered.snapshot_date,
    registered.school_code,
    registered.school_name,
    registered.school_kind_code,
    kind_name.name as school_kind_name,
    registered.sponsor_code,
    registered.sponsor_code = '999' as is_private,
    registered.division_code,
    division.evaluated_with_division as evaluated_division_code,
    registered.managing_org,
    coalesce(township.current_township_code, registered.township_code) as township_code,
    registered.urban_rural_code,
    case
        when registered.urban_rural_code like '11%' then '城区'
        when registered.urban_rural_code like '12%' then '镇区'
        when registered.urban_rural_code like '2%' then '乡村'
    end as urban_rural_group,
    registered.founded_ym,
    registered.is_boarding,
    registered.is_inclusive,
    registered.approved_posts,
    coalesce(kind.has_primary, false) as has_primary,
    coalesce(kind.has_junior, false) as has_junior,
    coalesce(kind.has_senior, false) as has_senior,
    kind.only_stage
from registered
left join {{ ref('school_code_change') }} as change on change.school_code = registered.school_code
left join {{ ref('dim_township') }} as township on township.township_code = registered.township_code
left join {{ ref('school_kind') }} as kind on kind.school_kind_code = registered.school_kind_code
left join {{ ref('dim_code') }} as kind_name
    on kind_name.code_set = 'BXLX' and kind_name.code = registered.school_kind_code
left join {{ ref('dim_division') }} as division
    on division.division_code = registered.division_code and division.is_current
