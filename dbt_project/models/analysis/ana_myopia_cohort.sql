-- Cohorts are followed by the year in which their grade entered primary school. New cases are counted among those who
-- were seen in both autumns and were not myopic in the first, wherever in the city they went to school.
with seen as (
    select
        school_id,
        school_year,
        {{ period_year('period') }} as start_year,
        person_id,
        row_key,
        learner_group,
        primary_entry_year,
        is_myopic
    from {{ ref('fct_vision_result') }}
    where term = 1
),

-- A learner with two school rolls is one learner here: myopic if any screening says so.
learner as (
    select
        start_year,
        person_id,
        max(case when is_myopic then 1 when not is_myopic then 0 end) as myopic
    from seen
    where person_id is not null
    group by start_year, person_id
),

followed as (
    select
        seen.school_id,
        seen.school_year,
        seen.primary_entry_year,
        seen.learner_group,
        seen.is_myopic,
        case when before.myopic = 0 and seen.is_myopic is not null then 1 end as at_risk,
        case when before.myopic = 0 and seen.is_myopic then 1 end as newly_myopic
    from seen
    left join learner as before
        on before.person_id = seen.person_id and before.start_year = seen.start_year - 1
),

placed as (
    select
        followed.*,
        owed.division_code,
        owed.data_status
    from followed
    inner join {{ ref('unit_expected') }} as owed
        on
            owed.school_id = followed.school_id
            and owed.school_year = followed.school_year
            and owed.dataset = 'vision'
            and owed.term = 1
),

levelled as (
    {{ at_levels('placed', ['county', 'city']) }}
),

counted as (
    select
        levelled.primary_entry_year,
        levelled.school_year,
        levelled.area_level,
        levelled.area_id,
        levelled.learner_group,
        count(levelled.is_myopic) as judged,
        count(*) filter (where levelled.is_myopic) as myopic,
        count(levelled.at_risk) as at_risk,
        count(levelled.newly_myopic) as newly_myopic,
        min(status.sort_order) as status_order
    from levelled
    inner join {{ ref('data_status') }} as status on status.data_status = levelled.data_status
    group by
        levelled.primary_entry_year, levelled.school_year, levelled.area_level, levelled.area_id,
        levelled.learner_group
)

select
    counted.primary_entry_year,
    counted.school_year,
    counted.area_level,
    counted.area_id,
    counted.learner_group,
    counted.judged,
    counted.myopic,
    cast(round(cast(100 * counted.myopic as decimal(28, 10)) / nullif(counted.judged, 0), 4) as decimal(9, 4))
        as myopia_rate,
    counted.at_risk,
    counted.newly_myopic,
    cast(round(cast(100 * counted.newly_myopic as decimal(28, 10)) / nullif(counted.at_risk, 0), 4) as decimal(9, 4))
        as incidence_rate,
    status.data_status
from counted
inner join {{ ref('data_status') }} as status on status.sort_order = counted.status_order
