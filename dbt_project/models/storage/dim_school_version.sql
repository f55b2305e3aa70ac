-- A version ends where any of its attributes changes; an event recorded between the two snapshots dates the change.
with observed as (
    select
        school_id,
        snapshot_date,
        school_code,
        school_name,
        school_kind_code,
        division_code as location_division,
        managing_org,
        township_code,
        urban_rural_code,
        sponsor_code,
        {{ row_hash([
            'school_code', 'school_name', 'school_kind_code', 'division_code', 'managing_org', 'township_code',
            'urban_rural_code', 'sponsor_code'
        ]) }} as attributes
    from {{ ref('dim_school') }}
),

compared as (
    select
        observed.*,
        lag(attributes) over (partition by school_id order by snapshot_date) as attributes_before,
        lag(snapshot_date) over (partition by school_id order by snapshot_date) as date_before,
        lag(school_code) over (partition by school_id order by snapshot_date) as code_before,
        max(snapshot_date) over (partition by school_id) as last_seen
    from observed
),

changed as (
    select compared.*
    from compared
    where attributes_before is null or attributes_before <> attributes
),

event as (
    select
        event_kind,
        effective_date,
        school_code,
        other_school_code
    from {{ ref('school_event') }}
    where {{ is_recorded('recorded_on') }}
),

dated as (
    select
        changed.school_id,
        changed.snapshot_date,
        min(event.effective_date) as event_date,
        min(event.event_kind) as event_kind
    from changed
    inner join event
        on
            (
                event.school_code in (changed.school_code, changed.code_before)
                or event.other_school_code = changed.school_code
            )
            and event.effective_date <= changed.snapshot_date
            and (changed.date_before is null or event.effective_date > changed.date_before)
    group by changed.school_id, changed.snapshot_date
),

closed as (
    select
        'S' || coalesce(change.first_school_code, event.school_code) as school_id,
        min(event.effective_date) as closed_on
    from event
    left join {{ ref('school_code_change') }} as change on change.school_code = event.school_code
    where event.event_kind in ('merge', 'close')
    group by 1
),

version as (
    select
        changed.school_id,
        row_number() over (partition by changed.school_id order by changed.snapshot_date) as version_no,
        coalesce(dated.event_date, changed.snapshot_date) as valid_from,
        lead(coalesce(dated.event_date, changed.snapshot_date)) over (
            partition by changed.school_id
            order by changed.snapshot_date
        ) as next_from,
        case
            when dated.event_date is not null then dated.event_kind
            when changed.attributes_before is null then 'first_seen'
            else 'register'
        end as change_basis,
        changed.school_code,
        changed.school_name,
        changed.school_kind_code,
        changed.location_division,
        changed.managing_org,
        changed.township_code,
        changed.urban_rural_code,
        changed.sponsor_code
    from changed
    left join dated on dated.school_id = changed.school_id and dated.snapshot_date = changed.snapshot_date
)

select
    version.school_id,
    cast(version.version_no as integer) as version_no,
    version.valid_from,
    coalesce(version.next_from, closed.closed_on) as valid_to,
    version.change_basis,
    version.school_code,
    version.school_name,
    version.school_kind_code,
    version.location_division,
    version.managing_org,
    version.township_code,
    version.urban_rural_code,
    version.sponsor_code
from version
left join closed on closed.school_id = version.school_id and closed.closed_on > version.valid_from
