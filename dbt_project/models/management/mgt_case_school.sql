-- What has to be decided, where, and in which period. A case is known by its key, never by a person's value, and a
-- school in it by its first code, so that a decision outlives a change of code.
with tolerance as (
    select value as days
    from {{ ref('case_threshold') }}
    where case_kind = 'transfer_in_flight' and threshold = 'tolerance_days'
),

enrolled as not materialized (
    select
        pupil.person_id,
        pupil.school_id,
        school.school_code,
        pupil.period,
        pupil.snapshot_date
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    where pupil.is_enrolled
),

delivered as (
    select
        dataset,
        unit_owner as school_code,
        period,
        snapshot_date,
        max(received_at) as received_at
    from {{ ref('unit_current') }}
    where not is_held
    group by dataset, unit_owner, period, snapshot_date
),

-- identity_collision -------------------------------------------------------------------------------------------
conflict as (
    select
        evidence_key,
        conflict_at,
        conflict_kind
    from {{ ref('map_person_link') }}
    where conflict_kind is not null
),

conflict_place as (
    select
        'student' as dataset,
        bearing.school_code,
        bearing.period,
        conflict.evidence_key
    from conflict
    inner join {{ ref('col_student') }} as bearing on 'xjh:' || bearing.xjh_key = conflict.evidence_key
    union
    select
        'student',
        bearing.school_code,
        bearing.period,
        conflict.evidence_key
    from conflict
    inner join {{ ref('col_student') }} as bearing
        on 'passport:' || bearing.id_number_key = conflict.evidence_key and bearing.identity_status = 'other_document'
    union
    select
        'staff',
        bearing.school_code,
        bearing.period,
        conflict.evidence_key
    from conflict
    inner join {{ ref('col_staff') }} as bearing on 'gh@school:' || bearing.staff_no_key = conflict.evidence_key
    union
    select
        'staff',
        bearing.school_code,
        bearing.period,
        conflict.evidence_key
    from conflict
    inner join {{ ref('col_staff') }} as bearing
        on 'passport:' || bearing.id_number_key = conflict.evidence_key and bearing.identity_status = 'other_document'
),

-- dual_enrolment and transfer_in_flight ----------------------------------------------------------------------------
-- Few are: their schools are put in a row after they were found.
counted as (
    select
        person_id,
        snapshot_date
    from enrolled
    group by person_id, snapshot_date
    having count(*) > 1
),

twice as (
    select
        enrolled.person_id,
        enrolled.snapshot_date,
        string_agg(enrolled.school_id, '/' order by enrolled.school_id) as school_ids
    from counted
    inner join enrolled on enrolled.person_id = counted.person_id and enrolled.snapshot_date = counted.snapshot_date
    group by enrolled.person_id, enrolled.snapshot_date
),

transfer as (
    select
        event.person_id,
        event.event_date,
        event.is_approved,
        case event.event_kind_code when '22' then event.school_id else event.to_school_id end as to_school_id,
        event.period
    from {{ ref('fct_student_event') }} as event
    where event.event_kind_code in ('21', '22') and event.person_id is not null
),

twice_judged as (
    select
        twice.person_id,
        twice.snapshot_date,
        twice.school_ids,
        coalesce(max(
            case
                when abs({{ days_between('transfer.event_date', 'twice.snapshot_date') }}) <= tolerance.days then 1
                else 0
            end
        ), 0) = 1 as is_in_flight
    from twice
    cross join tolerance
    left join transfer on transfer.person_id = twice.person_id
    group by twice.person_id, twice.snapshot_date, twice.school_ids
),

arrival as (
    select
        transfer.person_id,
        transfer.to_school_id,
        transfer.event_date,
        min(school.snapshot_date) as snapshot_date
    from transfer
    inner join {{ ref('dim_school') }} as school
        on school.school_id = transfer.to_school_id and school.snapshot_date >= transfer.event_date
    inner join delivered
        on
            delivered.dataset = 'student'
            and delivered.school_code = school.school_code
            and delivered.snapshot_date = school.snapshot_date
    where transfer.is_approved
    group by transfer.person_id, transfer.to_school_id, transfer.event_date
),

nowhere as (
    select
        arrival.person_id,
        arrival.to_school_id,
        max(arrival.event_date) as event_date,
        arrival.snapshot_date
    from arrival
    left join {{ ref('fct_enrolment_snapshot') }} as pupil
        on pupil.person_id = arrival.person_id and pupil.snapshot_date = arrival.snapshot_date
    where pupil.person_id is null
    group by arrival.person_id, arrival.to_school_id, arrival.snapshot_date
),

-- graduate_not_cleared ----------------------------------------------------------------------------------------------
stage_years as (
    select
        stage,
        max(grade_in_stage) as years
    from {{ ref('dim_grade') }}
    where stage in ('preschool', 'primary', 'junior', 'senior', 'vocational')
    group by stage
),

longer as (
    select
        person_id,
        count(*) as more_years
    from {{ ref('fct_student_event') }}
    where event_kind_code in ('02', '03', '06', '11') and is_approved and person_id is not null
    group by person_id
),

overdue as (
    select
        pupil.person_id,
        pupil.school_id,
        school.school_code,
        pupil.period,
        pupil.snapshot_date
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    inner join stage_years on stage_years.stage = pupil.stage
    left join longer on longer.person_id = pupil.person_id
    where
        pupil.entry_ym is not null
        and cast(substr(pupil.school_year, 1, 4) as integer) - cast(substr(pupil.entry_ym, 1, 4) as integer) + 1
        > stage_years.years
        + case when pupil.stage in ('junior', 'senior') and school.has_primary then 6 else 0 end
        + case when pupil.stage = 'senior' and school.has_junior then 3 else 0 end
        + coalesce(longer.more_years, 0)
),

-- empty_enrolment ---------------------------------------------------------------------------------------------------
with_classes as (
    select distinct
        school_id,
        period
    from {{ ref('dim_class') }}
),

empty as (
    select
        pupil.person_id,
        pupil.school_id,
        school.school_code,
        pupil.period,
        pupil.snapshot_date
    from {{ ref('fct_enrolment_snapshot') }} as pupil
    inner join {{ ref('dim_school') }} as school on school.school_id = pupil.school_id and school.period = pupil.period
    inner join with_classes on with_classes.school_id = pupil.school_id and with_classes.period = pupil.period
    where
        pupil.is_enrolled
        and pupil.class_code is null
        and not pupil.is_incomplete
        and pupil.stage in ('primary', 'junior', 'senior', 'vocational')
),

-- staff_two_posts ---------------------------------------------------------------------------------------------------
in_service as (
    select
        member.person_id,
        member.person_id as case_key,
        member.school_id,
        school.school_code,
        member.period,
        member.snapshot_date,
        count(*) over (partition by member.person_id, member.snapshot_date) as posts
    from {{ ref('fct_staff_snapshot') }} as member
    inner join {{ ref('dim_school') }} as school
        on school.school_id = member.school_id and school.period = member.period
    where member.is_in_service
),

-- school_alias ------------------------------------------------------------------------------------------------------
named as (
    select
        school_id,
        school_code,
        school_name,
        period,
        snapshot_date,
        lag(school_name) over (partition by school_id order by snapshot_date) as name_before,
        lag(snapshot_date) over (partition by school_id order by snapshot_date) as date_before
    from {{ ref('dim_school') }}
),

renamed as (
    select
        named.school_id,
        named.school_code,
        named.period,
        named.snapshot_date
    from named
    left join {{ ref('school_alias') }} as alias
        on
            'S' || alias.first_school_code = named.school_id
            and alias.school_name = named.school_name
            and {{ is_recorded('alias.recorded_on') }}
    left join {{ ref('school_event') }} as event
        on
            event.event_kind in ('rename', 'change_of_kind', 'merge', 'split')
            and named.school_code in (event.school_code, event.other_school_code)
            and event.effective_date > named.date_before
            and event.effective_date <= named.snapshot_date
            and {{ is_recorded('event.recorded_on') }}
    where named.name_before <> named.school_name and alias.school_name is null and event.event_kind is null
),

-- school_without_pupils ---------------------------------------------------------------------------------------------
stage_pupils as (
    select
        school_id,
        snapshot_date,
        stage,
        count(*) as pupils
    from {{ ref('fct_enrolment_snapshot') }}
    where is_enrolled
    group by school_id, snapshot_date, stage
),

without_pupils as (
    select
        school.school_code,
        school.period,
        school.snapshot_date,
        school.school_id || '/' || level.stage as subject_key
    from {{ ref('dim_school') }} as school
    inner join {{ ref('school_kind') }} as kind
        on kind.school_kind_code = school.school_kind_code and kind.is_balanced_evaluated
    inner join {{ ref('dim_stage') }} as level
        on level.stage = 'primary' and school.has_primary or level.stage = 'junior' and school.has_junior
    inner join delivered
        on
            delivered.dataset = 'student'
            and delivered.school_code = school.school_code
            and delivered.period = school.period
    left join stage_pupils
        on
            stage_pupils.school_id = school.school_id
            and stage_pupils.snapshot_date = school.snapshot_date
            and stage_pupils.stage = level.stage
    where school.term = 1 and stage_pupils.pupils is null
),

-- unknown_school ----------------------------------------------------------------------------------------------------
-- A school is registered in a term, its school year and the fiscal years that it touches (is_term_of).
registered as (
    select
        school_id,
        period
    from {{ ref('dim_school') }}
    union
    select
        school_id,
        {{ school_year('period') }}
    from {{ ref('dim_school') }}
    union
    select
        school_id,
        'FY' || substr(period, 1, 4)
    from {{ ref('dim_school') }}
    union
    select
        school_id,
        'FY' || substr(period, 6, 4)
    from {{ ref('dim_school') }}
),

-- Everything together: one row a case, school and period. -------------------------------------------------------------
opened as (
    select
        'unknown_school' as case_kind,
        unit.dataset || '/' || unit.unit_owner || '/' || unit.period as case_key,
        unit.unit_owner as subject_key,
        unit.dataset,
        unit.unit_owner as school_code,
        unit.period,
        unit.snapshot_date,
        unit.received_at as found_at,
        '该学校标识码不在本期学校登记中,数据暂不入库' as detail_zh
    from {{ ref('unit_current') }} as unit
    left join {{ ref('map_school_code') }} as known on known.school_code = unit.unit_owner
    left join registered as school on school.school_id = known.school_id and school.period = unit.period
    where
        -- A school's code, or another system's name for a school; a bureau or a system owns units of no school.
        (length(unit.unit_owner) = 10 or unit.unit_owner like '%:%')
        and unit.dataset <> 'school'
        and school.school_id is null
    union
    select
        'two_submitters',
        dataset || '/' || unit_owner || '/' || period as case_key,
        unit_owner as subject_key,
        dataset,
        min(unit_owner) as school_code,
        period,
        snapshot_date,
        max(received_at) as found_at,
        '同一学校同一期由两个单位报送且未规定以谁为准,已按后到的计入,请核查'
    from {{ ref('col_delivery') }}
    where is_counting
    group by dataset, unit_owner, period, snapshot_date
    -- Of a date that does not count nobody's file does.
    having
        count(distinct case when submitter_kind = 'school' then unit_owner else submitter_org end) > 1
        and max(case when is_current then 1 else 0 end) = 1
    union
    select
        'identity_collision',
        conflict.evidence_key as case_key,
        place.evidence_key as subject_key,
        place.dataset,
        place.school_code,
        place.period,
        cast(null as date),
        conflict.conflict_at,
        case conflict.conflict_kind
            when 'two_numbers' then '同一编号对应两个不同的身份证号,未合并,请核查'
            else '该证据会把两个不同身份证号的人连在一起,未合并,请核查'
        end
    from conflict_place as place
    inner join conflict on conflict.evidence_key = place.evidence_key
    union
    select
        case when judged.is_in_flight then 'transfer_in_flight' else 'dual_enrolment' end,
        judged.person_id || '/' || judged.school_ids,
        judged.person_id,
        'student',
        enrolled.school_code,
        enrolled.period,
        judged.snapshot_date,
        cast(null as timestamp),
        case
            when judged.is_in_flight then '转学办理中,两校时点名册均有该生,请按异动日期核对'
            else '同一学生同一时点在两所学校有学籍,两处均保留,请核查'
        end
    from twice_judged as judged
    inner join enrolled on enrolled.person_id = judged.person_id and enrolled.snapshot_date = judged.snapshot_date
    union
    select
        'transfer_in_flight',
        nowhere.person_id || '/' || nowhere.to_school_id || '/' || nowhere.snapshot_date,
        nowhere.person_id,
        'student',
        school.school_code,
        school.period,
        nowhere.snapshot_date,
        cast(null as timestamp),
        case
            when {{ days_between('nowhere.event_date', 'nowhere.snapshot_date') }} <= tolerance.days
                then '转学办理中,两校时点名册均无该生,请按异动日期核对'
            else '转入已批准超过办理时限,两校时点名册均无该生,请核查去向'
        end
    from nowhere
    cross join tolerance
    inner join {{ ref('dim_school') }} as school
        on school.school_id = nowhere.to_school_id and school.snapshot_date = nowhere.snapshot_date
    union
    select
        'graduate_not_cleared',
        person_id || '/' || substr(school_id, 2),
        person_id,
        'student',
        school_code,
        period,
        snapshot_date,
        cast(null as timestamp),
        '按入学年月应已毕业,仍在名册,请办理毕业或登记留级、休学异动'
    from overdue
    union
    select
        'empty_enrolment',
        person_id || '/' || substr(school_id, 2),
        person_id,
        'student',
        school_code,
        period,
        snapshot_date,
        cast(null as timestamp),
        '有学籍而无班级,请核查是否空挂学籍'
    from empty
    union
    select
        'empty_enrolment',
        untraced.person_id || '/' || substr(untraced.school_id, 2),
        untraced.person_id,
        'student',
        school.school_code,
        untraced.period,
        untraced.snapshot_date,
        cast(null as timestamp),
        '全学年在册,而所在班级的体测、视力筛查和成绩中均无此人,请核查是否空挂学籍'
    from {{ ref('mgt_untraced_pupil') }} as untraced
    inner join {{ ref('dim_school') }} as school
        on school.school_id = untraced.school_id and school.period = untraced.period
    union
    select
        'staff_two_posts',
        case_key,
        person_id,
        'staff',
        school_code,
        period,
        snapshot_date,
        cast(null as timestamp),
        '同一教职工同一时点在两所学校在岗,请明确主岗与兼任(交流)岗位'
    from in_service
    where posts > 1
    union
    select
        'school_alias',
        school_id || '/' || period,
        school_id,
        'school',
        school_code,
        period,
        snapshot_date,
        cast(null as timestamp),
        '校名与上期登记不同,且无更名记录,请确认是更名还是简称'
    from renamed
    union
    select
        'school_without_pupils',
        subject_key || '/' || period,
        subject_key,
        'student',
        school_code,
        period,
        snapshot_date,
        cast(null as timestamp),
        '该学段时点无在校生,不参与均衡系数计算,请确认'
    from without_pupils
    union
    select
        'snapshot_off_calendar',
        unit.dataset || '/' || unit.unit_owner || '/' || unit.period || '/' || unit.snapshot_date,
        unit.unit_owner as subject_key,
        unit.dataset,
        unit.unit_owner as school_code,
        unit.period,
        unit.snapshot_date,
        min(unit.received_at),
        case
            when max(case when unit.is_current then 1 else 0 end) = 1
                then '报送时点与报送日历规定的时点不同,不与其他学校合计'
            else '报送时点与报送日历规定的时点不同,本期以另一时点的报送为准,这一份不计入'
        end
    from {{ ref('col_delivery') }} as unit
    inner join {{ ref('mgt_submission_calendar') }} as calendar
        on calendar.dataset = unit.dataset and calendar.period = unit.period
    where unit.is_counting and unit.snapshot_date <> calendar.snapshot_date
    group by unit.dataset, unit.unit_owner, unit.period, unit.snapshot_date
)

select
    {{ row_hash(['opened.case_kind', 'opened.case_key']) }} as case_id,
    opened.case_kind,
    opened.subject_key,
    opened.dataset,
    opened.school_code,
    opened.period,
    cast(min(coalesce(opened.found_at, delivered.received_at)) as date) as opened_on,
    min(opened.detail_zh) as detail_zh
from opened
left join delivered
    on
        delivered.dataset = opened.dataset
        and delivered.school_code = opened.school_code
        and delivered.period = opened.period
        and delivered.snapshot_date is not distinct from opened.snapshot_date
group by
    opened.case_kind, opened.case_key, opened.subject_key, opened.dataset, opened.school_code, opened.period
