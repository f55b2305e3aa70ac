-- Spells of enrolment, from snapshots and approved events; the rules stand in fct_enrolment_business_rules.md.
-- An item is one thing known of a person at a school on a day. Kinds, in their order within a day: E an approved end,
-- M the end of the school, X an approved start at another school, S an approved start, P on the roll of a snapshot,
-- A missing from a full snapshot. The spells of a school are made from its own rows and from the starts elsewhere of
-- whom it knows.
with tolerance as (
    select value as days
    from {{ ref('case_threshold') }}
    where case_kind = 'enrolment_spell' and threshold = 'event_wins_days'
),

-- One row a person, school and day: the key of the snapshots.
present as (
    select
        pupil.person_id,
        pupil.school_id,
        pupil.snapshot_date as day,
        pupil.grade_code
    from {{ remade_rows('fct_enrolment_snapshot', 'school_id') }} as pupil
    inner join {{ ref('student_status') }} as status on status.status_code = pupil.status_code and status.is_on_roll
),

full_day as (
    select distinct
        school.school_id,
        unit.snapshot_date as day
    from {{ units_of('student', is_by_owner=true) }} as unit
    inner join {{ ref('dim_school') }} as school on school.school_code = unit.unit_owner and school.period = unit.period
    where unit.dataset = 'student' and unit.coverage = 'full' and not unit.is_held
),

school_day as (
    select
        school_id,
        day,
        max(is_full) as is_full
    from (
        select
            school_id,
            day,
            1 as is_full
        from full_day
        union all
        select distinct
            school_id,
            day,
            0
        from present
    ) as either
    group by school_id, day
),

next_full as (
    select
        school_id,
        day,
        min(case when is_full = 1 then day end) over (
            partition by school_id
            order by day
            rows between 1 following and unbounded following
        ) as next_day
    from school_day
),

approved_anywhere as (
    select
        event.person_id,
        event.school_id,
        event.event_date as day,
        kind.effect,
        min(event.event_kind_code) as event_kind_code
    from {{ ref('fct_student_event') }} as event
    inner join {{ ref('roll_event_kind') }} as kind on kind.event_kind_code = event.event_kind_code
    where event.is_approved and event.person_id is not null
    group by event.person_id, event.school_id, event.event_date, kind.effect
),

approved as (
    select *
    from approved_anywhere
    where {{ is_remade('school_id') }}
),

missed as (
    select
        present.person_id,
        present.school_id,
        next_full.next_day as day
    from present
    inner join next_full on next_full.school_id = present.school_id and next_full.day = present.day
    where next_full.next_day is not null
    union all
    select
        approved.person_id,
        approved.school_id,
        min(full_day.day)
    from approved
    cross join tolerance
    inner join full_day
        on
            full_day.school_id = approved.school_id
            and {{ days_between('approved.day', 'full_day.day') }} > tolerance.days
    where approved.effect = 'start'
    group by approved.person_id, approved.school_id, approved.day
),

absent as (
    select distinct -- a pupil may be missed after several days
        missed.person_id,
        missed.school_id,
        missed.day
    from missed
    left join present
        on
            present.person_id = missed.person_id
            and present.school_id = missed.school_id
            and present.day = missed.day
    where present.person_id is null
),

known as (
    select
        person_id,
        school_id
    from present
    union
    select
        person_id,
        school_id
    from approved
    where effect = 'start'
),

spoken as (
    select
        person_id,
        school_id,
        day,
        case effect when 'start' then 'S' else 'E' end as kind,
        case effect when 'start' then 4 else 1 end as kind_order,
        event_kind_code
    from approved
    union all
    select
        person_id,
        school_id,
        day,
        'P',
        5,
        null
    from present
    union all
    select
        person_id,
        school_id,
        day,
        'A',
        6,
        null
    from absent
),

-- Only beside an approved event can a snapshot be contradicted by one.
eventful as (
    select distinct
        person_id,
        school_id
    from approved
),

surrounded as (
    select
        spoken.*,
        max(case when kind = 'S' then day end) over before_it as last_start,
        max(case when kind = 'E' then day end) over before_it as last_end,
        min(case when kind = 'S' then day end) over after_it as next_start,
        min(case when kind = 'E' then day end) over after_it as next_end
    from spoken
    inner join eventful on eventful.person_id = spoken.person_id and eventful.school_id = spoken.school_id
    window
        before_it as (
            partition by spoken.person_id, spoken.school_id
            order by day, kind_order
            rows between unbounded preceding and current row
        ),
        after_it as (
            partition by spoken.person_id, spoken.school_id
            order by day, kind_order
            rows between 1 following and unbounded following
        )
),

-- A snapshot that an event within the tolerance contradicts says nothing.
consistent as (
    select
        spoken.person_id,
        spoken.school_id,
        spoken.day,
        spoken.kind,
        spoken.kind_order,
        spoken.event_kind_code
    from spoken
    left join eventful on eventful.person_id = spoken.person_id and eventful.school_id = spoken.school_id
    where eventful.person_id is null
    union all
    select
        surrounded.person_id,
        surrounded.school_id,
        surrounded.day,
        surrounded.kind,
        surrounded.kind_order,
        surrounded.event_kind_code
    from surrounded
    cross join tolerance
    where
        surrounded.kind in ('S', 'E')
        or surrounded.kind = 'P'
        and not (
            surrounded.last_end is not null
            and (surrounded.last_start is null or surrounded.last_start < surrounded.last_end)
            and {{ days_between('surrounded.last_end', 'surrounded.day') }} <= tolerance.days
        )
        and not (
            surrounded.next_start is not null
            and (surrounded.next_end is null or surrounded.next_start < surrounded.next_end)
            and {{ days_between('surrounded.day', 'surrounded.next_start') }} <= tolerance.days
        )
        or surrounded.kind = 'A'
        and not (
            surrounded.last_start is not null
            and (surrounded.last_end is null or surrounded.last_end <= surrounded.last_start)
            and {{ days_between('surrounded.last_start', 'surrounded.day') }} <= tolerance.days
        )
        and not (
            surrounded.next_end is not null
            and (surrounded.next_start is null or surrounded.next_end <= surrounded.next_start)
            and {{ days_between('surrounded.day', 'surrounded.next_end') }} <= tolerance.days
        )
),

agreed as (
    select
        *,
        {{ days_between("date '1900-01-01'", 'day') }} * 10 + kind_order as sort_key
    from consistent
),

elsewhere as (
    select distinct
        known.person_id,
        known.school_id,
        started.day
    from approved_anywhere as started
    inner join known on known.person_id = started.person_id and known.school_id <> started.school_id
    where started.effect = 'start'
),

-- A start elsewhere ends a spell unless the school's own approved end comes next, or the school goes on listing the
-- pupil beyond the tolerance: that is 双重学籍, and both spells stay.
elsewhere_next as (
    select
        elsewhere.person_id,
        elsewhere.school_id,
        elsewhere.day,
        min(case when agreed.kind in ('E', 'S', 'A') then agreed.sort_key end) as next_other,
        min(case when agreed.kind = 'E' then agreed.sort_key end) as next_end,
        min(
            case
                when agreed.kind = 'P' and {{ days_between('elsewhere.day', 'agreed.day') }} > tolerance.days
                    then agreed.sort_key
            end
        ) as next_present
    from elsewhere
    cross join tolerance
    left join agreed
        on
            agreed.person_id = elsewhere.person_id
            and agreed.school_id = elsewhere.school_id
            and agreed.sort_key > {{ days_between("date '1900-01-01'", 'elsewhere.day') }} * 10 + 3
    group by elsewhere.person_id, elsewhere.school_id, elsewhere.day
),

moved as (
    select
        person_id,
        school_id,
        day
    from elsewhere_next
    where
        not (next_present is not null and (next_other is null or next_present < next_other))
        and not (
            next_end is not null and next_end = next_other and (next_present is null or next_end < next_present)
        )
),

closed_school as (
    select
        'S' || coalesce(change.first_school_code, event.school_code) as school_id,
        event.effective_date as day
    from {{ ref('school_event') }} as event
    left join {{ ref('school_code_change') }} as change on change.school_code = event.school_code
    where event.event_kind in ('merge', 'close') and {{ is_recorded('event.recorded_on') }}
),

item as (
    select
        person_id,
        school_id,
        day,
        kind,
        kind_order,
        event_kind_code
    from agreed
    union all
    select
        person_id,
        school_id,
        day,
        'X',
        3,
        null
    from moved
    union all
    select
        known.person_id,
        known.school_id,
        closed_school.day,
        'M',
        2,
        null
    from known
    inner join closed_school on closed_school.school_id = known.school_id
),

-- Only where a pupil moved on does the last move count.
moved_from as (
    select distinct
        person_id,
        school_id
    from moved
),

after_move as (
    select
        item.person_id,
        item.school_id,
        item.day,
        item.kind,
        item.kind_order,
        item.event_kind_code,
        max(case when item.kind = 'X' then item.day end) over before_it as last_move,
        max(case when item.kind = 'S' then item.day end) over before_it as last_start
    from item
    inner join moved_from on moved_from.person_id = item.person_id and moved_from.school_id = item.school_id
    window
        before_it as (
            partition by item.person_id, item.school_id
            order by item.day, item.kind_order
            rows between unbounded preceding and current row
        )
    union all
    select
        item.person_id,
        item.school_id,
        item.day,
        item.kind,
        item.kind_order,
        item.event_kind_code,
        cast(null as date),
        cast(null as date)
    from item
    left join moved_from on moved_from.person_id = item.person_id and moved_from.school_id = item.school_id
    where moved_from.person_id is null
),

counted as (
    select
        after_move.person_id,
        after_move.school_id,
        after_move.day,
        after_move.kind,
        after_move.event_kind_code,
        after_move.kind in ('S', 'P') as is_open,
        lag(after_move.kind in ('S', 'P')) over in_order as was_open,
        after_move.kind_order
    from after_move
    cross join tolerance
    where
        after_move.kind <> 'P'
        or after_move.last_move is null
        or {{ days_between('after_move.last_move', 'after_move.day') }} > tolerance.days
        or after_move.last_start >= after_move.last_move
    window
        in_order as (
            partition by after_move.person_id, after_move.school_id
            order by after_move.day, after_move.kind_order
        )
),

turn as (
    select
        person_id,
        school_id,
        day,
        kind,
        event_kind_code,
        is_open,
        lead(day) over in_order as next_day,
        lead(kind) over in_order as next_kind,
        lead(event_kind_code) over in_order as next_event_kind_code
    from counted
    where is_open <> coalesce(was_open, false)
    window
        in_order as (
            partition by person_id, school_id
            order by day, kind_order
        )
),

spell as (
    select
        person_id,
        school_id,
        row_number() over (partition by person_id, school_id order by day) as spell_no,
        day as start_date,
        case kind when 'S' then 'event' else 'snapshot' end as start_basis,
        next_day as end_date,
        case next_kind
            when 'E' then 'event'
            when 'X' then 'transfer'
            when 'M' then 'school_closed'
            when 'A' then 'absent'
        end as end_basis,
        event_kind_code as start_event_kind_code,
        next_event_kind_code as end_event_kind_code
    from turn
    where is_open
),

-- The day stands before the grade, so the least and the greatest are the first and the last.
graded as (
    select
        spell.person_id,
        spell.school_id,
        spell.spell_no,
        substr(min(cast(present.day as varchar) || present.grade_code), 11) as entry_grade_code,
        substr(max(cast(present.day as varchar) || present.grade_code), 11) as last_grade_code,
        max(present.day) as last_seen_date
    from spell
    inner join present
        on
            present.person_id = spell.person_id
            and present.school_id = spell.school_id
            and present.day >= spell.start_date
            and (spell.end_date is null or present.day < spell.end_date)
    group by spell.person_id, spell.school_id, spell.spell_no
)

select
    spell.person_id,
    spell.school_id,
    cast(spell.spell_no as integer) as spell_no,
    spell.start_date,
    spell.start_basis,
    spell.end_date,
    spell.end_basis,
    spell.start_event_kind_code,
    spell.end_event_kind_code,
    graded.entry_grade_code,
    graded.last_grade_code,
    graded.last_seen_date
from spell
left join graded
    on
        graded.person_id = spell.person_id
        and graded.school_id = spell.school_id
        and graded.spell_no = spell.spell_no
