-- Spells of enrolment, and which of them count: that is told over the schools of a person, so it is not a school's own.
with decided as (
    select
        person.person_id,
        decision.school_id
    from {{ ref('col_decision') }} as decision
    inner join {{ ref('map_person') }} as person on person.evidence_key = decision.subject_key
    where
        decision.is_current
        and decision.case_kind = 'dual_enrolment'
        and decision.decision = 'effective_school'
    group by person.person_id, decision.school_id
),

ranked as (
    select
        spell.*,
        row_number() over (
            partition by spell.person_id
            order by
                case when decided.person_id is null then 1 else 0 end asc,
                case spell.start_basis when 'event' then 0 else 1 end asc,
                spell.start_date desc,
                spell.school_id desc,
                spell.spell_no desc
        ) as rank_no
    from {{ ref('fct_enrolment_spell') }} as spell
    left join decided on decided.person_id = spell.person_id and decided.school_id = spell.school_id
),

overlapped as (
    select distinct
        lower.person_id,
        lower.school_id,
        lower.spell_no
    from ranked as lower
    inner join ranked as higher
        on
            higher.person_id = lower.person_id
            and higher.school_id <> lower.school_id
            and higher.rank_no < lower.rank_no
            and (lower.end_date is null or higher.start_date < lower.end_date)
            and (higher.end_date is null or lower.start_date < higher.end_date)
)

select
    ranked.person_id,
    ranked.school_id,
    ranked.spell_no,
    ranked.start_date,
    ranked.start_basis,
    ranked.end_date,
    ranked.end_basis,
    overlapped.person_id is null as is_effective,
    ranked.start_event_kind_code,
    ranked.end_event_kind_code,
    ranked.entry_grade_code,
    ranked.last_grade_code,
    ranked.last_seen_date
from ranked
left join overlapped
    on
        overlapped.person_id = ranked.person_id
        and overlapped.school_id = ranked.school_id
        and overlapped.spell_no = ranked.spell_no
