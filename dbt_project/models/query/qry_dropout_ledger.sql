-- The ledger is of few children: the city only. One hidden outcome would be the rest of the entries, so the outcomes
-- are shown together or not at all.
with few as (
    select threshold
    from {{ ref('suppression_threshold') }}
    where topic = 'sensitive'
),

judged as (
    select
        ledger.*,
        few.threshold,
        ledger.entries >= few.threshold as has_entries,
        ledger.entries >= few.threshold
        and (ledger.being_persuaded = 0 or ledger.being_persuaded >= few.threshold)
        and (ledger.returned = 0 or ledger.returned >= few.threshold)
        and (ledger.arranged_otherwise = 0 or ledger.arranged_otherwise >= few.threshold)
        and (ledger.no_dropout = 0 or ledger.no_dropout >= few.threshold)
        and (ledger.not_returned = 0 or ledger.not_returned >= few.threshold) as has_outcomes,
        ledger.open_entries >= few.threshold
        and (ledger.entries = ledger.open_entries or ledger.entries - ledger.open_entries >= few.threshold) as has_open
    from {{ ref('ana_dropout_ledger') }} as ledger
    cross join few
    where ledger.area_level = 'city'
)

select
    judged.period,
    judged.area_id as division_code,
    division.division_name,
    case when judged.has_entries then judged.entries end as entries,
    case when judged.has_outcomes then judged.being_persuaded end as being_persuaded,
    case when judged.has_outcomes then judged.returned end as returned,
    case when judged.has_outcomes then judged.arranged_otherwise end as arranged_otherwise,
    case when judged.has_outcomes then judged.no_dropout end as no_dropout,
    case when judged.has_outcomes then judged.not_returned end as not_returned,
    case when judged.has_outcomes or judged.has_open then judged.open_entries end as open_entries,
    not judged.has_outcomes as is_hidden,
    judged.schools_reported
from judged
left join {{ ref('dim_division') }} as division
    on division.division_code = judged.area_id and division.is_current
