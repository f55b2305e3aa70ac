"""What is known of institutions beyond the register: money, network, groups, inspections, programmes, enterprises.

Each dataset is a table `rows_<dataset>`: the contract's fields as codes, then period, snapshot_date and org (who sends
the row). Money follows pupils and stages, terminals follow pupils and teachers.
"""

from __future__ import annotations

from synthetic.world import World

PUBLIC_FUNDS_YUAN = {
    "preschool": 500,
    "primary": 720,
    "junior": 940,
    "senior": 1200,
    "vocational": 2000,
    "special": 7000,
    "higher": 12000,
}
"""About the per-pupil standard of public funds; what a school receives lies around it."""
STAGE_CODES = {
    "preschool": "1",
    "primary": "2",
    "junior": "3",
    "senior": "4",
    "vocational": "5",
    "special": "6",
    "higher": "7",
}
PAY_YUAN = 96_000
RESOURCES_A_YEAR = 600
"""At scale 1."""
FIRST_RESOURCE_YEAR = 2016


def make_school_facts(world: World) -> None:
    """Make the tables of schools' datasets."""
    _base(world)
    _network(world)
    _finance(world)
    _groups(world)
    _inspections(world)
    _programmes(world)
    _cooperation(world)
    _resources(world)


def _base(world: World) -> None:
    """`school_year_stage`: pupils and teachers of a school by stage; `school_year_size`: the same of the whole."""
    world.db.execute(
        """
        create table school_year_stage as
        with pupils as (
            select school_code, school_year, start_year, stage, count(*) as pupils from pupil_term where term = 1 group by all
        ),
        teachers as (select school_code, school_year, stage, count(*) as teachers from staff_year where is_teacher group by all)
        select p.*, coalesce(t.teachers, 0) as teachers from pupils as p left join teachers as t using (school_code, school_year, stage)
        """
    )
    world.db.execute(
        """
        create table school_year_size as
        select z.*, s.school_kind_code, s.sponsor_code, s.division_code, s.urban_rural_code, s.township_code, s.school_name
        from (
            select school_code, school_year, start_year, cast(sum(pupils) as bigint) as pupils, cast(sum(teachers) as bigint) as teachers
            from school_year_stage group by all
        ) as z inner join school as s using (school_code)
        """
    )


def _network(world: World) -> None:
    world.db.execute(
        """
        create table rows_digital_campus as
        with rooms as (
            select school_code, school_year, cast(sum(multimedia_classrooms) as bigint) as multimedia_classrooms,
                min(snapshot_date) as snapshot_date from facility group by all
        ),
        owned as (
            select z.*, r.multimedia_classrooms, r.snapshot_date,
                [50, 100, 200, 200, 500, 1000, 1000][1 + least(6, draw('net' || school_code, 5) + (start_year - 2018) // 3)] as bandwidth_mbps,
                cast(ceil(pupils / (6.0 + 7 * rnd('machines' || school_code) - 0.2 * (start_year - 2018))) as bigint) as student_terminals,
                cast(round(teachers * (0.7 + 0.4 * rnd('desk' || school_code) + 0.02 * (start_year - 2018))) as bigint) as teacher_terminals
            from school_year_size as z inner join rooms as r using (school_code, school_year)
        )
        select school_code, bandwidth_mbps, case when rnd('wifi' || school_code) < 0.7 then '1' else '0' end as has_wireless,
            student_terminals, teacher_terminals,
            multimedia_classrooms + case when rnd('miscount' || school_code || start_year) < 0.03 then 1 else 0 end as multimedia_classrooms,
            multimedia_classrooms // 6 as smart_classrooms, multimedia_classrooms // 12 as recording_classrooms,
            cast(round((pupils + teachers) * rnd('space' || school_code)) as bigint) as learning_spaces,
            cast(round(teachers * (0.6 + 0.4 * rnd('skilled' || school_code))) as bigint) as trained_teachers,
            ['0', '1', '2', '2'][1 + draw('guard' || school_code, 4)] as security_level_code,
            case when rnd('plan' || school_code) < 0.9 then '1' else '0' end as has_security_plan,
            case when bandwidth_mbps >= 200 and pupils <= 10 * student_terminals and teachers <= 1.1 * teacher_terminals
                then '1' else '0' end as is_digital_campus_standard,
            school_year as period, snapshot_date, '421000' as org
        from owned
        """
    )


def _finance(world: World) -> None:
    """Items by stage, and of the whole school; 100 = 110 + 120 + 190, 200 = 210 + 220 + 230 + 240."""
    funds = " ".join(f"when '{stage}' then {yuan}" for stage, yuan in PUBLIC_FUNDS_YUAN.items())
    codes = " ".join(f"when '{stage}' then '{code}'" for stage, code in STAGE_CODES.items())
    world.db.execute(
        f"""
        create table rows_finance as
        with paid as (
            select z.*, s.sponsor_code, s.is_boarding, case stage {codes} end as stage_code,
                case when stage in ('primary', 'junior') then greatest(pupils, 100) else pupils end
                    * (case stage {funds} end + case when s.is_boarding = '1' and stage in ('primary', 'junior') then 300 else 0 end)
                    * (0.94 + 0.22 * rnd('funds' || school_code || start_year)) as funds
            from school_year_stage as z inner join school as s using (school_code)
        ),
        by_stage as (
            select *, cast(case when sponsor_code <> '999' then funds when stage in ('primary', 'junior') then 0.9 * funds else 0 end
                    as decimal(18, 2)) as allotted,
                cast(funds * (0.9 + 0.25 * rnd('spent' || school_code || start_year)) as decimal(18, 2)) as running,
                cast(teachers * {PAY_YUAN} * (0.9 + 0.3 * rnd('pay' || school_code)) as decimal(18, 2)) as wages,
                cast(case when sponsor_code = '999' then pupils * case stage when 'preschool' then 7200 else 12000 end
                    when stage in ('preschool', 'senior', 'vocational', 'higher') then pupils * 1600 else 0 end as decimal(18, 2)) as fees,
                cast(pupils * 60 * rnd('relief' || school_code) as decimal(18, 2)) as relief
            from paid
        ),
        whole as (
            select school_code, start_year, sponsor_code, sum(running) as running, sum(wages) as wages, sum(fees) as fees,
                sum(relief) as relief, sum(allotted) as allotted
            from by_stage group by all
        ),
        built as (
            select *, cast(case when rnd('build' || school_code || start_year) < 0.06
                    then 3000000 * rnd('size' || school_code) else 0 end as decimal(18, 2)) as building,
                cast(running * 0.03 * rnd('other' || school_code) as decimal(18, 2)) as other
            from whole
        ),
        balanced as (
            select *, case when sponsor_code <> '999' then wages + relief + building + allotted else allotted end as budget from built
        ),
        items as (
            select school_code, start_year, '0' as stage_code, unnest([
                {{'i': '100', 'v': budget + fees + other}}, {{'i': '110', 'v': budget}}, {{'i': '120', 'v': fees}},
                {{'i': '121', 'v': fees}}, {{'i': '190', 'v': other}}, {{'i': '200', 'v': wages + running + relief + building}},
                {{'i': '210', 'v': wages}}, {{'i': '220', 'v': running}},
                {{'i': '221', 'v': cast(running * (0.035 + 0.04 * rnd('teach' || school_code || start_year)) as decimal(18, 2))}},
                {{'i': '230', 'v': relief}}, {{'i': '240', 'v': building}}]) as item from balanced
            union all
            select school_code, start_year, stage_code, unnest([
                {{'i': '220', 'v': running}}, {{'i': '300', 'v': allotted}},
                {{'i': '310', 'v': case when stage = 'preschool' and sponsor_code = '999' and rnd('inclusive' || school_code) < 0.55
                    then cast(pupils * (450 + 150 * rnd('help' || school_code)) as decimal(18, 2)) end}},
                {{'i': '330', 'v': case when stage = 'preschool' and start_year >= 2025
                    then cast(pupils * 800 as decimal(18, 2)) end}}]) as item from by_stage
        )
        select school_code, stage_code, item.i as item_code, cast(item.v as decimal(18, 2)) as amount_yuan,
            'FY' || start_year as period, cast(null as date) as snapshot_date, '421000' as org
        from items where item.v is not null
        """
    )


def _groups(world: World) -> None:
    """Schools of one kind in a division stand in groups of four, the largest first: it is the core."""
    world.db.execute(
        """
        create table rows_school_group as
        with first_size as (
            select school_code, arg_min(pupils, start_year) as pupils from school_year_size group by all
        ),
        placed as (
            select z.school_code, z.school_year, z.start_year, z.division_code, z.school_kind_code, z.school_name,
                row_number() over (partition by z.division_code, z.school_kind_code, z.start_year
                    order by f.pupils desc, z.school_code) - 1 as place,
                count(*) over (partition by z.division_code, z.school_kind_code, z.start_year) as schools
            from school_year_size as z inner join first_size as f using (school_code)
            where z.school_kind_code in ('111', '211', '311', '312', '342')
        ),
        grouped as (
            select *, cast(ceil(schools / 4.0) as integer) as groups_, place % cast(ceil(schools / 4.0) as integer) as group_no,
                place < cast(ceil(schools / 4.0) as integer) as is_core
            from placed where schools > 1
        ),
        named as (
            select *, 'JT' || division_code || school_kind_code || lpad((group_no + 1)::varchar, 2, '0') as group_code,
                first_value(school_name) over (
                    partition by division_code, school_kind_code, start_year, group_no order by place) as core_name
            from grouped
        )
        select school_code, group_code, left(core_name, 40) || '教育集团' as group_name,
            (1 + draw('kind' || group_code, 4))::varchar as group_kind_code, case when is_core then '1' else '2' end as member_role_code,
            (1 + draw('mode' || group_code, 3))::varchar as group_mode_code, '202109' as joined_ym,
            school_year as period, make_date(start_year, 9, 1) as snapshot_date, '421000' as org
        from named
        where rnd('group' || group_code) < 0.8 and rnd('joined' || school_code) < 0.5 + 0.06 * (start_year - 2018) or (is_core and rnd('group' || group_code) < 0.8)
        """
    )


def _inspections(world: World) -> None:
    world.db.execute(
        """
        create table rows_private_inspection as
        with looked as (
            select *, rnd('inspect' || school_code || start_year) as u, rnd('mend' || school_code || start_year) as m
            from school_year_size where sponsor_code = '999'
        ),
        judged as (select *, case when u < 0.84 then '1' when u < 0.96 then '2' else '3' end as result from looked)
        select school_code, cast(make_date(start_year + 1, 3, 1) + draw('sent' || school_code || start_year, 40) as date) as submitted_on,
            cast(make_date(start_year + 1, 4, 20) + draw('seen' || school_code || start_year, 20) as date) as inspected_on,
            result as result_code, case result when '1' then draw('few' || school_code || start_year, 3)
                else 3 + draw('many' || school_code || start_year, 6) end as problems,
            case when result = '1' then '0' when m < 0.3 then '1' when m < 0.9 then '2' else '3' end as rectification_code,
            case when result <> '1' then make_date(start_year + 2, 4, 30) end as rectify_due_on,
            case result when '1' then '0' when '2' then '1' else '2' end as restriction_code,
            case when school_kind_code not in ('211', '311', '312') and rnd('profit' || school_code) < 0.4 then '1' else '0' end as is_profit,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org
        from judged
        """
    )


def _programmes(world: World) -> None:
    world.db.execute(
        """
        create table rows_sports_programme as
        with kinds(kind, pillar, share) as (
            values ('1', '3', 0.35), ('2', '3', 0.2), ('4', '3', 0.15), ('5', '4', 0.3), ('6', '5', 0.2), ('7', '2', 0.15),
                ('8', '1', 0.15), ('9', '1', 0.1)
        ),
        run as (
            select z.*, k.* from school_year_size as z cross join kinds as k
            where z.school_kind_code in ('211', '311', '312', '341', '342', '345', '365')
                and rnd('run' || z.school_code || k.kind) < k.share + 0.01 * (z.start_year - 2018)
        )
        select school_code, kind as programme_kind_code, pillar as pillar_code,
            ['43', '43', '33', '23', '10'][1 + draw('award' || school_code || kind, 5)] as award_level_code,
            case when rnd('feature' || school_code || kind) < 0.5 then '1' else '0' end as is_feature_school,
            (2012 + draw('since' || school_code || kind, 6)) || '09' as recognised_ym,
            cast(round(pupils * (0.1 + 0.5 * rnd('many' || school_code || kind))) as bigint) as participants,
            cast(1 + draw('hours' || school_code || kind, 5) as decimal(4, 1)) as weekly_hours,
            1 + draw('teams' || school_code || kind, 6) as teams, 1 + draw('coach' || school_code || kind, 5) as coaches,
            draw('cups' || school_code || kind || start_year, 8) as competitions,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org
        from run
        """
    )


def _cooperation(world: World) -> None:
    world.db.execute(
        """
        create table rows_vocational_cooperation as
        with projects as (
            select z.*, k, school_code || '/' || k as key from school_year_size as z, range(5) as r(k)
            where z.school_kind_code in ('365', '411', '412', '413', '414', '415')
                and rnd('project' || z.school_code || k) < 0.55 + 0.05 * (z.start_year - 2018)
        ),
        peopled as (select *, cast(round(pupils * (0.03 + 0.12 * rnd('joined' || key))) as bigint) as students from projects)
        select school_code, 'XM' || lpad((k + 1)::varchar, 3, '0') as project_no,
            ['1', '2', '3', '4', '5'][1 + draw('coop' || key, 5)] as cooperation_kind_code,
            '荆州' || ['楚江', '江汉', '荆楚', '长荆', '沙市'][1 + draw('firm' || key, 5)]
                || ['机械', '纺织', '食品', '软件', '物流'][1 + draw('line' || key, 5)] || (1 + draw('firmno' || key, 90)) || '有限公司'
                as enterprise_name,
            cast(null as varchar) as enterprise_credit_code, ['C', 'C', 'C', 'I', 'G'][1 + draw('line' || key, 5)] as industry_code,
            ['460103', '480402', '490101', '510203', '530802'][1 + draw('line' || key, 5)] as major_code,
            (2015 + draw('begun' || key, 3)) || '09' as started_ym, cast(null as varchar) as ended_ym, students,
            case when draw('coop' || key, 5) = 1 then students // 2 else 0 end as apprentices,
            1 + draw('master' || key, 8) as enterprise_teachers, students // 2 + draw('places' || key, 20) as internship_places,
            cast(10000 * draw('money' || key || start_year, 60) as decimal(18, 2)) as invested_yuan,
            school_year as period, cast(null as date) as snapshot_date, '421000' as org
        from peopled
        """
    )


def _resources(world: World) -> None:
    count = max(40, round(RESOURCES_A_YEAR * world.scale))
    world.db.execute(
        f"""
        create table resource as
        select 'R' || y || lpad(k::varchar, 5, '0') as resource_id, y as year_made, k,
            ['11', '12', '21', '22', '31', '32', '14', '16'][1 + draw('grade' || y || '/' || k, 8)] as grade_code,
            ['13', '14', '41', '16', '17', '20', '24', '22'][1 + draw('subject' || y || '/' || k, 8)] as subject_code
        from range({FIRST_RESOURCE_YEAR}, (select max(start_year) + 1 from term)) as a(y), range({count}) as b(k)
        """
    )
    world.db.execute(
        """
        create table rows_digital_resource as
        with makers as (select school_code, row_number() over (order by school_code) - 1 as place, count(*) over () as n from school),
        named as (
            select r.*, g.name as subject_name from resource as r
            inner join (values ('13', '语文'), ('14', '数学'), ('41', '英语'), ('16', '物理'), ('17', '化学'), ('20', '地理'),
                ('24', '音乐'), ('22', '体育')) as g(code, name) on g.code = r.subject_code
        )
        select resource_id, subject_name || '第' || (k + 1) || '课' as resource_title,
            (1 + draw('form' || resource_id, 8))::varchar as resource_kind_code, subject_code, grade_code,
            m.school_code as provider_school_code, cast(make_date(year_made, 9, 1) + draw('out' || resource_id, 280) as date) as published_on,
            cast(1 + draw('mb' || resource_id, 900) as decimal(12, 2)) as size_mb,
            case when rnd('share' || resource_id) < 0.8 then '1' else '0' end as is_shared,
            t.school_year as period, cast(null as date) as snapshot_date, '421000' as org
        from named as r inner join (select distinct school_year, start_year from term) as t on t.start_year = r.year_made
        left join makers as m on m.place = draw('maker' || resource_id, cast(m.n as integer))
            and rnd('made' || resource_id) < 0.6
        """
    )
    world.db.execute(
        f"""
        create table rows_resource_usage as
        with months as (
            select t.*, case when term = 1 then start_year || lpad((9 + m)::varchar, 2, '0')
                else (start_year + 1) || lpad((3 + m)::varchar, 2, '0') end as usage_ym
            from term as t, range(4) as r(m)
        ),
        used as (
            select z.school_code, z.pupils, z.teachers, m.period, m.usage_ym, m.start_year, k,
                {FIRST_RESOURCE_YEAR} + draw('year' || z.school_code || k || m.period, cast(m.start_year - {FIRST_RESOURCE_YEAR} as integer)) as y,
                draw('item' || z.school_code || k || m.period, {count}) as item,
                (0.05 + 0.5 * rnd('use' || z.school_code)) * (0.5 + rnd('month' || z.school_code || k || m.usage_ym)) as rate
            from school_year_size as z inner join months as m using (school_year), range(3) as r(k)
            where z.school_kind_code <> '111' and rnd('online' || z.school_code) < 0.55 + 0.04 * (m.start_year - 2018)
        )
        select school_code, 'R' || y || lpad(item::varchar, 5, '0') as resource_id, usage_ym,
            cast(sum(ceil(pupils * rate * 3)) as bigint) as views, cast(sum(ceil(teachers * rate)) as bigint) as downloads,
            cast(max(ceil(teachers * rate * 0.6)) as bigint) as active_teachers, cast(max(floor(pupils * rate * 0.6)) as bigint) as active_students,
            cast(sum(ceil(pupils * rate * 25)) as bigint) as minutes,
            period, cast(null as date) as snapshot_date, '421000' as org
        from used group by all
        """
    )
