"""What is known of staff beyond the register: posts, training, rotation, and the credit register.

Each dataset is a view or table `rows_<dataset>`: the contract's fields as codes, then period, snapshot_date, org (who
sends the row) and sid.
"""

from __future__ import annotations

from synthetic.world import World


def make_staff_facts(world: World) -> None:
    """Make the views of staff datasets."""
    _base(world)
    _posts(world)
    _training(world)
    _rotation(world)
    _credit(world)


def _base(world: World) -> None:
    """`staff_year`: staff in service at the beginning of a school year."""
    world.db.execute(
        """
        create view staff_year as
        select f.*, term.school_year, term.start_year, s.managing_org, s.division_code, s.sponsor_code, s.school_kind_code,
            p.stage, f.staff_category_code = '11' as is_teacher
        from staff_term as f inner join term on term.t = f.t inner join school as s using (school_code)
        inner join staff as p on p.sid = f.sid
        where term.term = 1 and f.staff_status_code = '11'
        """
    )


def _posts(world: World) -> None:
    world.db.execute(
        """
        create view rows_staff_post as
        with held as (
            select *, is_teacher and rnd('homeroom' || sid || start_year) < 0.35 and stage <> 'higher' as is_head from staff_year
        )
        select school_code, name, staff_no,
            case when is_head then '23' when is_teacher then '10' when staff_category_code = '12' then '42'
                when staff_category_code = '13' then '33' else '63' end as post_code,
            case when is_teacher or staff_category_code = '12' then '2' when staff_category_code = '13' then '1' else '3' end
                as post_kind_code,
            case title_code when '1' then 4 when '2' then 6 when '3' then 9 when '4' then 11 when '5' then 12 else 13 end
                as post_level,
            title_code, '11' as appointment_code, make_date(start_year - start_year % 3, 9, 1) as appointed_from,
            make_date(start_year - start_year % 3 + 3, 8, 31) as appointed_to,
            case when is_establishment = '1' then '1' when sponsor_code = '999' then '5' else '3' end as establishment_code,
            case when is_teacher then cast(8 + draw('lessons' || sid || start_year, 11) as decimal(4, 1)) end as weekly_lessons,
            case when is_head then '1' else '0' end as is_homeroom,
            case when is_teacher and stage = 'vocational' then
                case when rnd('dual' || sid) < 0.45 + 0.2 * rnd('dual' || school_code) then '1' else '0' end end as is_dual_qualified,
            case when is_teacher and rnd('mind' || sid) < 0.02 then '1' else '0' end as is_mental_health,
            school_year as period, snapshot_date, managing_org as org, sid, stage
        from held
        """
    )


def _training(world: World) -> None:
    """One or two trainings a teacher and year; over five years most, not all, reach 360 hours."""
    world.db.execute(
        """
        create view rows_staff_training as
        with attended as (
            select y.*, k, 2 * draw('project' || sid || start_year || k, 20) + k as number
            from staff_year as y, range(2) as r(k)
            where is_teacher and rnd('train' || sid || start_year || k) < case k when 0 then 0.93 else 0.55 end
        )
        select school_code, name, staff_no, 'PX' || start_year || '-' || lpad(number::varchar, 4, '0') as project_no,
            (1 + draw('kind' || number || start_year, 7))::varchar as training_kind_code,
            ['43', '43', '33', '23', '10'][1 + draw('level' || number || start_year, 5)] as training_level_code,
            (1 + draw('form' || number || start_year, 3))::varchar as training_form_code,
            start_year || '10' as started_ym, (start_year + 1) || '05' as ended_ym,
            cast(24 + 8 * draw('hours' || sid || start_year || k, 7) + case when rnd('keen' || sid) < 0.6 then 16 else 0 end
                as decimal(6, 1)) as hours,
            case when rnd('pass' || sid || number) < 0.985 then '1' else '0' end as is_passed,
            school_year as period, cast(null as date) as snapshot_date, managing_org as org, sid, stage
        from attended
        """
    )


def _rotation(world: World) -> None:
    """Teachers of compulsory education: about 45 % are eligible, of whom a share that differs by division rotates."""
    world.db.execute(
        """
        create view rows_staff_rotation as
        with neighbour as (
            select school_code, division_code, school_kind_code,
                row_number() over (partition by division_code, school_kind_code order by school_code) - 1 as place,
                count(*) over (partition by division_code, school_kind_code) as schools
            from school
        ),
        teaching as (
            select y.*, n.place, n.schools, rnd('eligible' || sid) < 0.45 as eligible,
                n.schools > 1 and rnd('rotate' || sid || start_year) < 0.07 + 0.09 * rnd('rotate' || y.division_code)
                    + 0.005 * (start_year - 2018) as rotates
            from staff_year as y inner join neighbour as n using (school_code)
            where is_teacher and stage in ('primary', 'junior') and is_establishment = '1'
        ),
        listed as (
            select *, rotates and (eligible or rnd('extra' || sid) < 0.05) as goes from teaching
            where eligible or (rotates and rnd('extra' || sid) < 0.05)
        )
        select l.school_code, name, staff_no, case when eligible then '1' else '0' end as is_eligible,
            case when goes then '1' else '0' end as is_rotated, is_backbone,
            case when goes then ['1', '2', '2', '3', '4', '6'][1 + draw('how' || sid || start_year, 6)] end as rotation_kind_code,
            case when goes then t.school_code end as to_school_code,
            case when goes then make_date(start_year, 9, 1) end as started_on,
            case when goes then make_date(start_year + 1 + draw('long' || sid, 2), 8, 31) end as ended_on,
            case when goes then subject_code end as subject_code,
            school_year as period, cast(null as date) as snapshot_date, managing_org as org, sid, stage
        from listed as l
        left join neighbour as t on t.division_code = l.division_code and t.school_kind_code = l.school_kind_code
            and t.place = (l.place + 1 + case when l.schools > 1 then draw('to' || sid || start_year, cast(l.schools - 1 as integer)) else 0 end) % l.schools
        """
    )


def _credit(world: World) -> None:
    world.db.execute(
        """
        create table rows_credit_evaluation as
        with judged as (
            select school_code, cast(null as varchar) as name, cast(null as varchar) as staff_no, '1' as kind, school_year,
                start_year, school_code || start_year as k, cast(null as varchar) as sid
            from (select distinct school_code, school_year, start_year from staff_year)
            where rnd('credit' || school_code || start_year) < 0.15
            union all
            select school_code, name, staff_no, '2', school_year, start_year, sid || start_year, sid
            from staff_year where rnd('credit' || sid || start_year) < 0.004
        ),
        numbered as (
            select *, row_number() over (partition by school_code, school_year order by kind, k) as n,
                rnd('level' || k) as u, rnd('appeal' || k) as a,
                cast(make_date(start_year + 1, 3, 1) + draw('when' || k, 60) as date) as evaluated_on
            from judged
        ),
        levelled as (
            select *, case when kind = '1' and u < 0.5 then 'A' when u < 0.75 then 'B' when u < 0.95 then 'C' else 'D' end as level,
                u >= 0.75 and a < 0.4 as appealed
            from numbered
        )
        select school_code, start_year || '-' || lpad(n::varchar, 3, '0') as record_no, kind as subject_kind_code, name, staff_no,
            case when kind = '2' then '1' else (2 + draw('item' || k, 4))::varchar end as credit_item_code,
            level as credit_level_code, evaluated_on, cast(evaluated_on + interval 3 year as date) as valid_until,
            case when level in ('C', 'D') or rnd('review' || k) < 0.8 then '1' else '0' end as is_reviewed,
            case when not appealed then '0' when a < 0.1 then '1' when a < 0.2 then '2' else '3' end as appeal_code,
            case when appealed then cast(evaluated_on + 10 as date) end as appealed_on,
            case when appealed and a >= 0.1 then cast(evaluated_on + 40 as date) end as decided_on,
            case when u >= 0.75 then case when rnd('repair' || k) < 0.3 then '1' else '0' end end as is_repaired,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org, sid
        from levelled
        """
    )
