-- The city's offices send one file of all schools with programmes: where it came, a school that is not in it has none.
{% set kinds = [
    ('football_school_share', 'football_features', 'schools'),
    ('football_rate', 'football_participants', 'pupils'),
    ('arts_school_share', 'arts_programmes', 'schools'),
    ('arts_rate', 'arts_participants', 'pupils')
] %}
with sent as (
    select distinct period -- a corrected file is a second delivery
    from {{ ref('fct_sports_programme') }}
),

school as (
    select
        owed.school_id,
        owed.school_year as period,
        owed.division_code,
        owed.is_reported and sent.period is not null as is_reported,
        case when sent.period is null then 'missing' else owed.data_status end as data_status
    from {{ ref('unit_expected') }} as owed
    left join sent on sent.period = owed.school_year
    where
        owed.dataset = 'student'
        and owed.term = 1
        and owed.school_id in (
            select bridge.school_id
            from {{ ref('bridge_school_stage') }} as bridge
            where bridge.period = owed.period and bridge.stage in ('primary', 'junior', 'senior', 'vocational')
        )
),

pupil as (
    select
        school_id,
        school_year as period,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled and term = 1 and stage in ('primary', 'junior', 'senior', 'vocational')
    group by school_id, school_year
),

programme as (
    select
        school_id,
        period,
        count(*) filter (where programme_kind_code = '1' and is_feature_school) as football_features,
        sum(participants) filter (where programme_kind_code = '1') as football_participants,
        count(*) filter (where programme_kind_code = '5') as arts_programmes,
        sum(participants) filter (where programme_kind_code = '5') as arts_participants
    from {{ ref('fct_sports_programme') }}
    group by school_id, period
),

pillar as (
    select distinct -- a school may run several programmes of a pillar
        school_id,
        period,
        pillar_code
    from {{ ref('fct_sports_programme') }}
    where pillar_code is not null
)

{% for code, numerator, denominator in kinds %}
    select
        'health.{{ code }}' as indicator_code,
        school.period,
        school.school_id as area_id,
        school.division_code,
        school.school_id,
        'all' as stage,
        'all' as breakdown,
        'all' as breakdown_value,
        cast(
            case
                when school.is_reported
                    then
                        {% if denominator == 'schools' -%}
                            least(coalesce(programme.{{ numerator }}, 0), 1)
                        {%- else -%}
                            coalesce(programme.{{ numerator }}, 0)
                        {%- endif %}
            end as decimal(18, 4)
        ) as numerator,
        cast(
            case
                when school.is_reported
                    then {{ '1' if denominator == 'schools' else 'coalesce(pupil.pupils, 0)' }}
            end as decimal(18, 4)
        ) as denominator,
        school.data_status
    from school
    left join programme on programme.school_id = school.school_id and programme.period = school.period
    {% if denominator == 'pupils' -%}
        left join pupil on pupil.school_id = school.school_id and pupil.period = school.period
    {% endif -%}
    union all
{% endfor %}
select
    'health.pillar_share' as indicator_code,
    school.period,
    school.school_id as area_id,
    school.division_code,
    school.school_id,
    'all' as stage,
    cut.breakdown,
    cut.breakdown_value,
    cast(case when school.is_reported then case when pillar.pillar_code is null then 0 else 1 end end as decimal(18, 4))
        as numerator,
    cast(case when school.is_reported then 1 end as decimal(18, 4)) as denominator,
    school.data_status
from school
inner join {{ ref('indicator_breakdown') }} as cut on cut.breakdown = 'pillar'
left join pillar
    on
        pillar.school_id = school.school_id
        and pillar.period = school.period
        and pillar.pillar_code = cut.breakdown_value
