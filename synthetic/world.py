"""The people of the city in DuckDB tables: who is where in which term. All draws are hashes of stable keys.

A person belongs to a division and a cohort (the year in which a school year's children are counted as of age zero);
the age on 1 September says the stage, a weighted draw the school. So cohorts progress, schools of several levels keep
their pupils, and the same seed gives the same city whatever the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import pyarrow as pa

from synthetic.names import GIVEN, MINORITY_NAMES, ROADS, SURNAMES
from synthetic.schools import DIVISION_WEIGHTS, School

LAST_SCHOOL_YEAR = 2025
COHORT_SIZE = 43_500
"""Children of one cohort at scale 1, about the middle of the city's trend."""
ID_PREFIXES = {"421071": "421002"}
RENAMED_DIVISION = ("421088", "421023", 2020)
"""监利: numbers given before 2020 have the old code."""
MIXED_GRADE_PUPILS = 20
"""A teaching point with no more pupils in its first two grades teaches them in one class (复式班)."""
STAGE_DIGITS = {"preschool": 0, "primary": 1, "junior": 2, "senior": 3, "vocational": 4, "higher": 5, "special": 6}


@dataclass(frozen=True)
class Term:
    """One school term."""

    index: int
    period: str
    start_year: int
    term: int
    snapshot_date: date

    @property
    def school_year(self) -> str:
        return self.period[:9]


def make_terms(count: int) -> list[Term]:
    """Return the last `count` terms of the calendar, beginning with a first term."""
    first = LAST_SCHOOL_YEAR - (count + 1) // 2 + 1
    terms = []
    for index in range(count):
        year, number = first + index // 2, index % 2 + 1
        snapshot = date(year, 9, 1) if number == 1 else date(year + 1, 3, 1)
        terms.append(Term(index, f"{year}-{year + 1}/{number}", year, number, snapshot))
    return terms


def cohort_factor(cohort: int) -> float:
    """Return a cohort's size relative to the middle of the trend: births fall."""
    return max(0.6, min(1.2, 1 + 0.02 * (2012 - cohort)))


def _chars(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"


class World:
    """The city's tables in one DuckDB connection.

    `school`, `term`, `pupil_term` (one pupil a term), `pupil` (identity), `staff_term`, `staff`, `facility`, `event`,
    `activity`; columns are named as the fields of the contracts and hold codes.
    """

    def __init__(self, schools: list[School], terms: list[Term], scale: float, seed: int) -> None:
        self.schools = schools
        self.terms = terms
        self.scale = scale
        self.seed = seed
        self.db = duckdb.connect(config={"threads": 2})
        self.db.execute(f"create macro rnd(k) as (hash(k || '/{seed}') % 1000003) / 1000003.0")
        self.db.execute(f"create macro draw(k, n) as cast(hash(k || '/{seed}') % n as integer)")
        self._base()
        self._people()
        self._places()
        self._classes()
        self._identities()
        self._events()
        self._staff()
        self._facilities()
        self._activity()

    def codes_of_kinds(self, kinds: tuple[str, ...]) -> set[str]:
        """Return the codes of the schools of some kinds."""
        return {school.school_code for school in self.schools if school.school_kind_code in kinds}

    @cached_property
    def workbook_senders(self) -> set[str]:
        """Codes of the schools that send workbooks of their own."""
        rows = self.db.execute("select school_code from sender where is_workbook")
        return {row[0] for row in rows.fetchall()}

    @cached_property
    def paused_roll_numbers(self) -> set[str]:
        """School-roll numbers of pupils who rested at some time; they may stay a year longer in their stage."""
        rows = self.db.execute(
            "select distinct p.xjh from event as e inner join pupil as p using (pid) where e.event_kind_code = '11'"
        )
        return {row[0] for row in rows.fetchall()}

    def _table(self, name: str, table: pa.Table) -> None:
        self.db.register("incoming", table)
        self.db.execute(f"create table {name} as select * from incoming")
        self.db.unregister("incoming")

    def _base(self) -> None:
        names = [name for name in School.__dataclass_fields__ if name != "places"]
        self._table("school", pa.table({name: [getattr(s, name) for s in self.schools] for name in names}))
        slots = []
        for stage in STAGE_DIGITS:
            for division in DIVISION_WEIGHTS:
                low = 0.0
                for school in self.schools:
                    is_there = stage == "higher" or school.division_code == division
                    if stage in school.places and is_there:
                        slots.append((division, stage, school.school_code, low, low + school.places[stage]))
                        low += school.places[stage]
        columns = list(zip(*slots, strict=True))
        self._table(
            "slot",
            pa.table(dict(zip(("division_code", "stage", "school_code", "low", "high"), columns, strict=True))),
        )
        self.db.execute(
            "create table slot_total as select division_code, stage, max(high) as total from slot group by all"
        )
        self._table(
            "term",
            pa.table(
                {
                    "t": [t.index for t in self.terms],
                    "period": [t.period for t in self.terms],
                    "school_year": [t.school_year for t in self.terms],
                    "start_year": [t.start_year for t in self.terms],
                    "term": [t.term for t in self.terms],
                    "snapshot_date": pa.array([t.snapshot_date for t in self.terms], pa.date32()),
                }
            ),
        )

    def _people(self) -> None:
        first, last = self.terms[0].start_year, self.terms[-1].start_year
        rows = [
            (
                division,
                cohort,
                round(COHORT_SIZE * weight * self.scale * cohort_factor(cohort)),
            )
            for division, weight in DIVISION_WEIGHTS.items()
            for cohort in range(first - 21, last - 2)
        ]
        self._table(
            "cohort",
            pa.table(
                {
                    "division_code": [row[0] for row in rows],
                    "cohort": [row[1] for row in rows],
                    "size": [row[2] for row in rows],
                }
            ),
        )
        self.db.execute(
            """
            create table person as
            select division_code || '-' || cohort || '-' || k as pid, division_code, cohort,
                case when rnd('move' || division_code || cohort || '-' || k) < 0.03 and (select max(t) from term) > 0
                    then 1 + draw('when' || division_code || cohort || '-' || k, (select max(t) from term)) end as moves_at,
                case when rnd('rest' || division_code || cohort || '-' || k) < 0.004
                    then draw('pause' || division_code || cohort || '-' || k, (select count(*) from term)) end as rests_at
            from cohort, range(size) as r(k)
            """
        )
        self.db.execute(
            """
            create table attending as
            with aged as (select p.*, t.*, t.start_year - p.cohort as age from person as p cross join term as t),
            staged as (
                select *, rnd('choice' || pid) as choice,
                    rnd('special' || pid) < 0.003 and exists (
                        select 1 from slot_total as s where s.stage = 'special' and s.division_code = aged.division_code
                    ) as is_special
                from aged where age between 3 and 21
            ),
            placed as (
                select *, case
                    when age between 3 and 5 and choice < 0.9 then 'preschool'
                    when age between 6 and 14 and is_special then 'special'
                    when age between 6 and 11 then 'primary'
                    when age between 12 and 14 then 'junior'
                    when age between 15 and 17 and choice < 0.62 then 'senior'
                    when age between 15 and 17 and choice < 0.95 then 'vocational'
                    when age between 18 and 21 and choice < 0.28 then 'higher' end as stage
                from staged
            )
            select pid, division_code, cohort, t, period, school_year, start_year, term, snapshot_date, stage, rests_at,
                case stage when 'preschool' then age - 2 when 'primary' then age - 5 when 'special' then age - 5
                    when 'junior' then age - 11 when 'higher' then age - 17 else age - 14 end as grade_in_stage,
                case when moves_at <= t then 'b' else 'a' end as salt
            from placed where stage is not null
            """
        )

    def _places(self) -> None:
        self.db.execute(
            """
            create table pick as
            with wanted as (
                select distinct pid, division_code, stage, salt from attending
                union
                select distinct pid, division_code, 'primary', salt from attending where stage = 'junior'
            ),
            drawn as (
                select w.*, rnd('school' || w.pid || w.stage || w.salt) * s.total as u
                from wanted as w inner join slot_total as s on s.division_code = w.division_code and s.stage = w.stage
            )
            select d.pid, d.stage, d.salt, slot.school_code
            from drawn as d asof join slot
                on slot.division_code = d.division_code and slot.stage = d.stage and d.u >= slot.low
            """
        )
        self.db.execute(
            """
            create table pupil_place as
            select a.*, case
                when a.stage = 'junior' and both_levels.school_code is not null and rnd('stay' || a.pid) < 0.9
                then both_levels.school_code else pick.school_code end as school_code
            from attending as a
            inner join pick on pick.pid = a.pid and pick.stage = a.stage and pick.salt = a.salt
            left join pick as before on before.pid = case when a.stage = 'junior' then a.pid end
                and before.stage = 'primary' and before.salt = a.salt
            left join school as both_levels on both_levels.school_code = before.school_code
                and both_levels.school_kind_code in ('312', '345')
            """
        )

    def _classes(self) -> None:
        digits = " ".join(f"when '{stage}' then '{digit}'" for stage, digit in STAGE_DIGITS.items())
        self.db.execute(
            f"""
            create table pupil_term as
            with entered as (
                select *, start_year - grade_in_stage + 1 as entry_year, case stage {digits} end as stage_digit
                from pupil_place
            ),
            sizes as (
                select school_code, stage, entry_year, max(n) as n from (
                    select school_code, stage, entry_year, t, count(*) as n from entered group by all
                ) group by all
            ),
            grouped as (
                select e.*, 1 + draw('class' || e.pid || e.stage,
                    cast(greatest(1, ceil(s.n / school.class_capacity)) as integer)) as class_number,
                    case when e.rests_at = e.t and e.stage in ('primary', 'junior', 'senior', 'vocational')
                        then '02' else '01' end as status_code
                from entered as e
                inner join sizes as s using (school_code, stage, entry_year)
                inner join school using (school_code)
            ),
            mixed as (
                select school_code, school_year from grouped inner join school using (school_code)
                where school_kind_code = '218' and grade_in_stage <= 2
                group by all having count(distinct grade_in_stage) = 2 and count(distinct pid) <= {MIXED_GRADE_PUPILS}
            ),
            seated as (
                select g.* replace (if(m.school_code is null, g.class_number, 1) as class_number),
                    m.school_code is not null as is_mixed_grade,
                    if(m.school_code is null, g.grade_in_stage, 1) as class_grade
                from grouped as g left join mixed as m
                    on m.school_code = g.school_code and m.school_year = g.school_year and g.grade_in_stage <= 2
            ),
            placed as (select *, start_year - class_grade + 1 as class_entry_year from seated)
            select pid, division_code, t, period, school_year, start_year, term, snapshot_date, stage, school_code,
                entry_year, class_number, status_code, stage_digit || grade_in_stage as grade_code,
                case when stage <> 'higher' then class_entry_year || stage_digit || lpad(class_number::varchar, 2, '0') end
                    as class_code,
                case when stage <> 'higher' then row_number() over (
                    partition by school_code, t, stage, class_entry_year, class_number order by pid
                )::varchar end as seat_no,
                is_mixed_grade, class_entry_year, stage_digit || class_grade as class_grade_code
            from placed
            """
        )

    def _identities(self) -> None:
        old = RENAMED_DIVISION
        prefix_cases = " ".join(f"when '{zone}' then '{code}'" for zone, code in ID_PREFIXES.items())
        self.db.execute(
            """
            create table identity_base as
            select pid, division_code, case when rnd('sex' || pid) < 0.525 then '1' else '2' end as sex_code,
                cast(make_date(cohort, 9, 1) - draw('birth' || pid, 364) as date) as birth_date
            from person where pid in (select pid from pupil_term)
            """
        )
        self.db.execute(
            f"""
            create table numbered as
            select *, case division_code {prefix_cases}
                when '{old[0]}' then case when year(birth_date) < {old[2]} then '{old[1]}' else '{old[0]}' end
                else division_code end || strftime(birth_date, '%Y%m%d') as head
            from identity_base
            """
        )
        self._check_macro()
        self.db.execute(
            f"""
            create table pupil as
            with sequenced as (
                select *, head || lpad((2 * row_number() over (partition by head, sex_code order by pid)
                    - case when sex_code = '1' then 1 else 0 end)::varchar, 3, '0') as first17
                from numbered
            )
            select pid, sex_code, birth_date, first17 || check_character(first17) as id_number,
                case when rnd('temporary' || pid) < 0.01 then 'L' else 'G' end || first17 || check_character(first17) as xjh,
                {self._name("pid")} as name,
                case when rnd('ethnic' || pid) < 0.95 then '01' when rnd('ethnic' || pid) < 0.99 then '15' else '03' end
                    as ethnicity_code,
                case when rnd('home' || pid) < 0.55 then '2' else '1' end as household_kind_code,
                case division_code when '421071' then '421002' else division_code end as household_division_code,
                case when rnd('left' || pid) < 0.12 then '1' when rnd('left' || pid) < 0.2 then '2' else '0' end
                    as left_behind_code,
                case when rnd('migrant' || pid) < 0.07 then '1' else '0' end as is_migrant,
                case when rnd('disability' || pid) < 0.004 then (1 + draw('which' || pid, 7))::varchar end as disability_code,
                '荆州市' || {_chars(ROADS)}[1 + draw('road' || pid, {len(ROADS)})] || (1 + draw('door' || pid, 300)) || '号' as address,
                {self._phone("pid")} as phone,
                {_chars(SURNAMES)}[1 + draw('surname' || pid, {len(SURNAMES)})]
                    || {_chars(GIVEN)}[1 + draw('guardian' || pid, {len(GIVEN)})] || {_chars(GIVEN)}[1 + draw('guardian2' || pid, {len(GIVEN)})]
                    as guardian_name,
                {self._phone("'guardian' || pid")} as guardian_phone,
                guardian17 || check_character(guardian17) as guardian_id_number
            from (
                select *, substr(head, 1, 6) || strftime(birth_date - to_years(22 + draw('elder' || pid, 18)), '%Y%m%d')
                    || lpad(draw('guardian number' || pid, 900)::varchar, 3, '0') as guardian17
                from sequenced
            )
            """
        )

    def _check_macro(self) -> None:
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        total = " + ".join(f"{w} * substr(t, {i + 1}, 1)::integer" for i, w in enumerate(weights))
        self.db.execute(f"create macro check_character(t) as substr('10X98765432', ({total}) % 11 + 1, 1)")

    @staticmethod
    def _name(key: str) -> str:
        return (
            f"case when rnd('minority' || {key}) < 0.001 then {_chars(MINORITY_NAMES)}[1 + draw('which' || {key}, {len(MINORITY_NAMES)})] "
            f"else {_chars(SURNAMES)}[1 + draw('surname' || {key}, {len(SURNAMES)})] "
            f"|| {_chars(GIVEN)}[1 + draw('given' || {key}, {len(GIVEN)})] "
            f"|| case when rnd('two' || {key}) < 0.8 then {_chars(GIVEN)}[1 + draw('second' || {key}, {len(GIVEN)})] else '' end end"
        )

    @staticmethod
    def _phone(key: str) -> str:
        return f"'1' || (3 + draw('phone' || {key}, 7)) || lpad(draw('number' || {key}, 1000000000)::varchar, 9, '0')"

    def _events(self) -> None:
        """A change of school is two events of the term, one at each school; a rest one, and its end another."""
        self.db.execute(
            """
            create table event as
            with steps as (
                select now.pid, now.period, now.t, now.snapshot_date, before.school_code as old_school, now.school_code as new_school,
                    before.status_code as old_status, now.status_code as new_status
                from pupil_term as now
                inner join pupil_term as before on before.pid = now.pid and before.t = now.t - 1 and before.stage = now.stage
                where now.stage in ('primary', 'junior', 'senior', 'vocational')
            ),
            raw as (
                select pid, period, snapshot_date, old_school as school_code, '21' as event_kind_code, old_school, new_school
                from steps where old_school <> new_school
                union all
                select pid, period, snapshot_date, new_school, '22', old_school, new_school from steps where old_school <> new_school
                union all
                select pid, period, snapshot_date, new_school, '11', null, null from steps
                where new_status = '02' and old_status = '01' and old_school = new_school
                union all
                select pid, period, snapshot_date, new_school, '12', null, null from steps
                where old_status = '02' and new_status = '01' and old_school = new_school
            )
            select school_code, period, pid, event_kind_code,
                cast(snapshot_date - 3 - draw('day' || pid, 20) as date) as event_date,
                case event_kind_code when '11' then '10' end as reason_code_of_event,
                cast(snapshot_date - 2 as date) as approved_date, old_school as from_school_code, new_school as to_school_code
            from raw
            """
        )

    def _staff(self) -> None:
        self.db.execute(
            """
            create table staff as
            with demand as (
                select school_code, stage, max(n) as n from (
                    select school_code, stage, t, count(*) as n from pupil_term group by all
                ) group by all
            ),
            posts as (
                select d.school_code, d.stage, cast(ceil(d.n / (10.5 + 9 * rnd('ratio' || d.school_code || d.stage))) as integer) as teachers
                from demand as d
            ),
            teaching as (
                select school_code, stage, k, true as is_teacher from posts, range(teachers) as r(k)
                union all
                select school_code, null, k, false
                from (select school_code, cast(ceil(sum(teachers) * 0.14) as integer) as others from posts group by all), range(others) as r(k)
            ),
            ordered as (
                select *, row_number() over (partition by school_code order by is_teacher desc, stage, k) as n from teaching
            )
            select o.school_code, s.division_code, o.stage, o.is_teacher, s.urban_rural_code,
                'T' || lpad(n::varchar, 5, '0') as staff_no, o.school_code || '/' || n as sid
            from ordered as o inner join school as s using (school_code)
            """
        )
        self.db.execute(
            f"""
            create table staff_person as
            with based as (
                select *, rnd('edu' || sid) + case when urban_rural_code like '1%' then 0.08 else 0 end as e,
                    case when rnd('sex' || sid) < 0.38 then '1' else '2' end as sex_code,
                    cast(date '1967-01-01' + draw('birth' || sid, 12400) as date) as birth_date
                from staff
            ),
            headed as (
                select *, case division_code when '421071' then '421002' when '421088' then '421023' else division_code end
                    || strftime(birth_date, '%Y%m%d') as head from based
            ),
            sequenced as (
                select *, head || lpad((2 * row_number() over (partition by head, sex_code order by sid)
                    - case when sex_code = '1' then 1 else 0 end)::varchar, 3, '0') as first17 from headed
            )
            select school_code, sid, staff_no, {self._name("sid")} as name, sex_code, birth_date, '1' as id_type_code,
                first17 || check_character(first17) as id_number, case when rnd('ethnic' || sid) < 0.96 then '01' else '15' end as ethnicity_code,
                case when rnd('party' || sid) < 0.35 then '01' else '13' end as political_status_code,
                strftime(birth_date + interval 23 year, '%Y') || '09' as work_start_ym,
                strftime(birth_date + interval 24 year, '%Y') || '09' as school_start_ym,
                case when is_teacher then '11' when rnd('post' || sid) < 0.4 then '12' when rnd('post' || sid) < 0.75 then '13' else '14' end
                    as staff_category_code,
                case when rnd('post2' || sid) < 0.85 then '1' else '0' end as is_establishment,
                case when rnd('post2' || sid) >= 0.85 then case when rnd('form' || sid) < 0.6 then '1' else '2' end end
                    as employment_form_code,
                case when rnd('post2' || sid) < 0.85 then '1' else '2' end as contract_code,
                case stage
                    when 'preschool' then case when e > 0.85 then '21' when e > 0.22 then '31' else '41' end
                    when 'primary' then case when e > 0.97 then '14' when e > 0.48 then '21' when e > 0.08 then '31' else '41' end
                    when 'junior' then case when e > 0.96 then '14' when e > 0.24 then '21' else '31' end
                    when 'senior' then case when e > 0.86 then '14' when e > 0.03 then '21' else '31' end
                    when 'vocational' then case when e > 0.92 then '14' when e > 0.06 then '21' else '31' end
                    when 'special' then case when e > 0.5 then '21' when e > 0.05 then '31' else '41' end
                    when 'higher' then case when e > 0.7 then '11' when e > 0.15 then '14' else '21' end
                    else case when e > 0.6 then '21' when e > 0.25 then '31' else '61' end end as education_code,
                case stage when 'preschool' then '1' when 'primary' then '2' when 'junior' then '3' when 'senior' then '4'
                    when 'vocational' then '6' when 'special' then 'A' when 'higher' then 'Z' end as teach_stage_code,
                case when stage in ('primary', 'junior', 'senior') then
                    ['13', '14', '41', '22', '24', '25', '13', '14', '20', '21', '22'][1 + draw('subject' || sid, 11)] end as subject_code,
                case when is_teacher then ['1', '2', '2', '3', '3', '3', '4', '4', '4', '5', '9'][1 + draw('title' || sid, 11)] else '9' end
                    as title_code,
                case when is_teacher and rnd('backbone' || sid) < case when urban_rural_code like '1%' then 0.2 else 0.12 end
                    then '1' else '0' end as is_backbone,
                case when is_teacher and rnd('certificate' || sid) < 0.97 then '1' else '0' end as has_certificate,
                {self._phone("sid")} as phone,
                case when rnd('retire' || sid) < 0.03 then draw('retires' || sid, {len(self.terms)}) end as retires_at
            from sequenced
            """
        )
        self.db.execute(
            """
            create table staff_term as
            select s.* exclude (retires_at), t.t, t.period, t.snapshot_date,
                case when s.retires_at <= t.t then '01' else '11' end as staff_status_code
            from staff_person as s cross join term as t
            where exists (select 1 from pupil_term as p where p.school_code = s.school_code and p.t = t.t)
            """
        )

    def _facilities(self) -> None:
        places = ", ".join(
            f"case when p_{stage} > 0 then cast(ceil(p_{stage} * share * (0.96 + 0.25 * rnd('places' || school_code))) as bigint) end "
            f"as places_{stage}"
            for stage in ("preschool", "primary", "junior", "senior", "vocational")
        )
        by_stage = ", ".join(
            f"count(*) filter (where stage = '{stage}') as p_{stage}"
            for stage in ("preschool", "primary", "junior", "senior", "vocational")
        )
        rooms = (
            "case when p_primary + p_junior > 0 then cast(ceil((p_primary + p_junior) * share / 45 / 12 - 0.3 + rnd('music' || school_code)) as bigint) end as music_rooms, "
            "case when p_primary + p_junior > 0 then cast(ceil((p_primary + p_junior) * share / 45 / 12 - 0.3 + rnd('art' || school_code)) as bigint) end as art_rooms, "
            "case when p_preschool > 0 then cast(p_preschool * share * (3.2 + 3 * rnd('play' || school_code)) as decimal(18, 2)) end as outdoor_play_area_m2, "
            "case when p_preschool > 0 then cast(p_preschool * share * (7.2 + 4 * rnd('active' || school_code)) as decimal(18, 2)) end as activity_room_area_m2, "
            + places
        )
        self.db.execute(
            f"""
            create table facility as
            with demand as (
                select school_code, school_year, min(snapshot_date) as snapshot_date, sum(case stage when 'junior' then 1.1 when 'senior' then 1.3
                    when 'vocational' then 1.4 else 1.0 end) as p,
                    {by_stage}
                from pupil_term where term = 1 group by all
            ),
            base as (
                select d.*, case when s.urban_rural_code like '1%' then 1.12 else 0.95 end as town,
                    d.p > 150 and rnd('campus' || s.school_code) < 0.3 as is_double
                from demand as d inner join school as s using (school_code)
            ),
            campuses as (
                select *, '01' as campus_no, case when is_double then 0.7 else 1.0 end as share from base
                union all
                select *, '02', 0.3 from base where is_double
            )
            select school_code, school_year, snapshot_date, campus_no, case campus_no when '01' then '主校区' else '分校区' end as campus_name,
                cast(p * share * (18 + 20 * rnd('land' || school_code)) as decimal(18, 2)) as land_area_m2,
                cast(p * share * (7 + 5 * rnd('house' || school_code)) as decimal(18, 2)) as building_area_m2,
                cast(p * share * town * (4.3 + 3.4 * rnd('teach' || school_code)) as decimal(18, 2)) as teaching_area_m2,
                cast(p * share * (0.1 + 0.4 * rnd('gym' || school_code)) as decimal(18, 2)) as indoor_sports_area_m2,
                cast(p * share * town * (6.5 + 6 * rnd('sport' || school_code)) as decimal(18, 2)) as sports_ground_area_m2,
                cast(p * share * town * (1700 + 1700 * rnd('tool' || school_code)) as decimal(18, 2)) as equipment_value_yuan,
                cast(ceil(p * share * town * (1.9 + 1.5 * rnd('media' || school_code)) / 100) as bigint) as multimedia_classrooms,
                cast(ceil(p * share / 35) as bigint) as classrooms, cast(p * share * (12 + 20 * rnd('book' || school_code)) as bigint) as books,
                cast(null as decimal(18, 2)) as dilapidated_area_m2, {rooms}
            from campuses
            """
        )

    def _activity(self) -> None:
        """Clicks of vocational and university learners on the city's course site; some keys repeat and add up."""
        self.db.execute(
            """
            create table activity as
            with learners as (
                select distinct pid, school_year from pupil_term where term = 1 and stage in ('vocational', 'higher') and rnd('online' || pid) < 0.4
            ),
            days as (select *, r.k from learners, range(12) as r(k)),
            rows_ as (
                select school_year, ['JZ101', 'JZ102', 'JZ201'][1 + draw('module' || pid, 3)] as code_module,
                    left(school_year, 4) || 'A' as code_presentation, cast(hash(pid) % 100000000 as bigint) as id_student,
                    10000 + draw('site' || pid || k, 40) as id_site, draw('day' || pid || k, 110) - 5 as date,
                    1 + draw('click' || pid || k, 30) as sum_click, k
                from days
            )
            select * exclude (k) from rows_
            union all
            select school_year, code_module, code_presentation, id_student, id_site, date, 2 from rows_ where k = 0
            """
        )
