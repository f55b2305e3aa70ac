-- Pupils, sizes of classes and schools: what the roll of 1 September says of each institution and stage.
with confirmed as (
    select
        school_id,
        period,
        division_code,
        school_year,
        is_reported,
        data_status
    from {{ ref('unit_expected') }}
    where dataset = 'student' and term = 1
),

cut as (
    select
        breakdown,
        breakdown_value
    from {{ ref('indicator_breakdown') }}
    where breakdown in ('all', 'sex', 'support')
),

counted as (
    select
        learner.school_id,
        learner.school_year,
        learner.stage,
        cut.breakdown,
        cut.breakdown_value,
        sum(learner.pupils) as pupils
    from {{ ref('ana_learner_count') }} as learner
    inner join cut on {{ is_in_cut('cut', 'learner') }}
    group by learner.school_id, learner.school_year, learner.stage, cut.breakdown, cut.breakdown_value
),

-- Stages of the school's kind, and those in which it has pupils all the same.
taught as (
    select
        school_id,
        school_year,
        stage
    from {{ ref('bridge_school_stage') }}
    where term = 1
    union
    select
        school_id,
        school_year,
        stage
    from counted
),

class_size as (
    select
        school_id,
        school_year,
        stage,
        count(*) as classes,
        sum(pupils) as pupils_in_classes,
        count(*) filter (where is_large) as large_classes,
        count(*) filter (where is_oversize) as oversize_classes
    from {{ ref('ana_class_size') }}
    where term = 1
    group by school_id, school_year, stage
),

measured as (
    select
        confirmed.school_year,
        confirmed.school_id,
        confirmed.division_code,
        taught.stage,
        cut.breakdown,
        cut.breakdown_value,
        confirmed.data_status,
        confirmed.is_reported,
        coalesce(counted.pupils, 0) as pupils,
        coalesce(whole.pupils, 0) as pupils_of_school,
        coalesce(class_size.classes, 0) as classes,
        coalesce(class_size.pupils_in_classes, 0) as pupils_in_classes,
        coalesce(class_size.large_classes, 0) as large_classes,
        coalesce(class_size.oversize_classes, 0) as oversize_classes
    from confirmed
    inner join taught on taught.school_id = confirmed.school_id and taught.school_year = confirmed.school_year
    cross join cut
    left join counted
        on
            counted.school_id = taught.school_id
            and counted.school_year = taught.school_year
            and counted.stage = taught.stage
            and counted.breakdown = cut.breakdown
            and counted.breakdown_value = cut.breakdown_value
    left join counted as whole
        on
            whole.school_id = taught.school_id
            and whole.school_year = taught.school_year
            and whole.stage = taught.stage
            and whole.breakdown = 'all'
    left join class_size
        on
            class_size.school_id = taught.school_id
            and class_size.school_year = taught.school_year
            and class_size.stage = taught.stage
),

figure as (
    select
        measured.*,
        'scale.pupils' as indicator_code,
        pupils as numerator,
        null as denominator
    from measured
    union all
    select
        measured.*,
        'scale.group_share' as indicator_code,
        pupils as numerator,
        pupils_of_school as denominator
    from measured
    where breakdown <> 'all'
    union all
    -- A school without pupils of the stage is no school of the stage.
    select
        measured.*,
        'scale.school_size' as indicator_code,
        pupils as numerator,
        case when pupils > 0 then 1 else 0 end as denominator
    from measured
    where breakdown = 'all'
    {% for code, numerator in [
        ('class_size', 'pupils_in_classes'),
        ('large_class_share', 'large_classes'),
        ('oversize_class_share', 'oversize_classes'),
    ] %}
        union all
        select
            measured.*,
            'scale.{{ code }}' as indicator_code,
            {{ numerator }} as numerator,
            classes as denominator
        from measured
        where breakdown = 'all' and stage <> 'higher'
    {% endfor %}
)

select
    indicator_code,
    school_year as period,
    school_id as area_id,
    division_code,
    school_id,
    stage,
    breakdown,
    breakdown_value,
    cast(case when is_reported then numerator end as decimal(18, 4)) as numerator,
    cast(case when is_reported then denominator end as decimal(18, 4)) as denominator,
    data_status
from figure
