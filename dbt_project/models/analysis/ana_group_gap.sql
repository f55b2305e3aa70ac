-- The members of a group together beside its core school, and the member that is furthest behind.
with ranked as (
    select
        gap.*,
        rule.multiplier,
        row_number() over (
            partition by gap.school_year, gap.group_code, gap.stage, gap.indicator_code
            order by
                case rule.direction when 'down' then -gap.value else gap.value end asc nulls last, gap.school_id asc
        ) as behind_no
    from {{ ref('ana_group_member_gap') }} as gap
    inner join {{ ref('indicator') }} as rule on rule.indicator_code = gap.indicator_code
),

summed as (
    select
        school_year,
        group_code,
        stage,
        indicator_code,
        max(core_value) as core_value,
        count(*) as members,
        count(value) as members_valued,
        count(*) filter (where is_behind) as members_behind,
        cast(max(multiplier) * sum(numerator) as decimal(28, 10)) / sum(denominator) as members_exact,
        max(value) filter (where behind_no = 1) as furthest_value,
        max(school_id) filter (where behind_no = 1 and value is not null) as furthest_school_id
    from ranked
    group by school_year, group_code, stage, indicator_code
)

select
    school_year,
    group_code,
    stage,
    indicator_code,
    core_value,
    members,
    members_valued,
    members_behind,
    cast(round(members_exact, 4) as decimal(18, 4)) as members_value,
    cast(round(members_exact - core_value, 4) as decimal(18, 4)) as difference,
    cast(round(100 * members_exact / nullif(core_value, 0), 2) as decimal(18, 2)) as share_of_core_pct,
    furthest_school_id,
    furthest_value
from summed
