-- A version ends where any of its attributes changes; an event recorded between the two snapshots dates the change, the
-- first of several. It ends too where its school is closed; a register that has the school after that opens another.
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

event as (
    select
        event_kind,
        effective_date,
        school_code,
        other_school_code
    from {{ ref('school_event') }}
    where {{ is_recorded('recorded_on') }}
),

closing as (
    select distinct -- a school may be merged into several
        'S' || coalesce(change.first_school_code, event.school_code) as school_id,
        event.effective_date as closed_on
    from event
    left join {{ ref('school_code_change') }} as change on change.school_code = event.school_code
    where event.event_kind in ('merge', 'close')
),

reopened as (
    select
        compared.school_id,
        compared.snapshot_date,
        max(closing.closed_on) as closed_on
    from compared
    inner join closing
        on
            closing.school_id = compared.school_id
            and closing.closed_on >= compared.date_before
            and closing.closed_on < compared.snapshot_date
    group by compared.school_id, compared.snapshot_date
),

changed as (
    select
        compared.*,
        reopened.closed_on as closed_before
    from compared
    left join reopened
        on reopened.school_id = compared.school_id and reopened.snapshot_date = compared.snapshot_date
    where
        compared.attributes_before is null
        or compared.attributes_before <> compared.attributes
        or reopened.closed_on is not null
),

explained as (
    select
        changed.school_id,
        changed.snapshot_date,
        event.effective_date as event_date,
        event.event_kind,
        row_number() over (
            partition by changed.school_id, changed.snapshot_date
            order by event.effective_date, event.event_kind
        ) as event_no
    from changed
    inner join event
        on
            (
                event.school_code in (changed.school_code, changed.code_before)
                or event.other_school_code = changed.school_code
            )
            and event.effective_date <= changed.snapshot_date
            and (changed.date_before is null or event.effective_date > changed.date_before)
            and (changed.closed_before is null or event.effective_date > changed.closed_before)
    -- Its own closing begins no version of a school.
    where event.event_kind not in ('merge', 'close') or event.other_school_code = changed.school_code
),

dated as (
    select
        school_id,
        snapshot_date,
        event_date,
        event_kind
    from explained
    where event_no = 1
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
            when changed.closed_before is not null then 'reopened'
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
),

closed as (
    select
        version.school_id,
        version.version_no,
        min(closing.closed_on) as closed_on
    from version
    inner join closing on closing.school_id = version.school_id and closing.closed_on > version.valid_from
    group by version.school_id, version.version_no
)

select
    version.school_id,
    cast(version.version_no as integer) as version_no,
    version.valid_from,
    least(version.next_from, closed.closed_on) as valid_to,
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
left join closed on closed.school_id = version.school_id and closed.version_no = version.version_no
