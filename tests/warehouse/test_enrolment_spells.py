"""Spells derived by the warehouse equal those of a second method, over random histories and named ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spells import History, Spell, no_overlap, spells_of

from edu.paths import Home
from edu.runs import ensure_empty

SNAPSHOTS = [date(2022, 9, 1), date(2023, 3, 1), date(2023, 9, 1), date(2024, 3, 1), date(2024, 9, 1)]
SCHOOLS = ("S1", "S2", "S3")
PERIODS = {day: f"p{number}" for number, day in enumerate(SNAPSHOTS)}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Spells of schools, and which of them count, as dbt compiles the two models."""
    from warehouse.transform import _invoke

    home = Home(tmp_path_factory.mktemp("dbt")).ensure()
    ensure_empty(home)
    (home.logs / "dbt").mkdir(parents=True)
    names = ("fct_enrolment_spell", "fct_enrolment")
    _invoke(home, home.warehouse, "storage", ["compile", "--select", *names], None)
    folder = home.logs / "dbt" / "target" / "compiled"
    spells, counting = (next(folder.rglob(f"{name}.sql")).read_text(encoding="utf-8") for name in names)
    return spells, counting


@pytest.fixture(scope="module")
def model_sql(compiled: tuple[str, str]) -> str:
    """Both models as one query."""
    spells, counting = compiled
    read = '"warehouse"."storage"."fct_enrolment_spell"'
    assert counting.count(read) == 1
    return counting.replace(read, f"({spells}\n)")


@pytest.fixture(scope="module")
def engine(model_sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("attach ':memory:' as warehouse")
    for schema in ("storage", "collection", "seed"):
        connection.execute(f"create schema warehouse.{schema}")
    connection.execute(
        """
        use warehouse;
        create table main.kept_part (part text);
        create table storage.fct_enrolment_snapshot (
            person_id text, school_id text, snapshot_date date, status_code text, grade_code text);
        create table storage.fct_student_event (
            person_id text, school_id text, event_kind_code text, event_date date, is_approved boolean);
        create table storage.unit_current (
            dataset text, unit_owner text, owner_id text, period text, snapshot_date date, coverage text,
            is_held boolean);
        create table storage.dim_school (school_id text, school_code text, period text);
        create table storage.map_person (evidence_key text, person_id text);
        create table collection.decision (
            subject_key text, school_id text, case_kind text, decision text, is_current boolean);
        create table seed.student_status as select '01' as status_code, true as is_on_roll union all select '07', false;
        create table seed.roll_event_kind as select '22' as event_kind_code, 'start' as effect
            union all select '21', 'end';
        create table seed.case_threshold as
            select 'enrolment_spell' as case_kind, 'event_wins_days' as threshold, 30 as value;
        create table seed.school_event (
            event_kind text, effective_date date, school_code text, other_school_code text, recorded_on date);
        create table seed.school_code_change (school_code text, first_school_code text, changed_on date);
        """
    )
    for school in SCHOOLS:
        connection.executemany(
            "insert into storage.dim_school values (?, ?, ?)", [(school, "c" + school, p) for p in PERIODS.values()]
        )
    yield connection
    connection.close()


def derive(
    engine: duckdb.DuckDBPyConnection, sql: str, people: dict[str, History], full: dict[str, list[date]]
) -> dict[str, list[Spell]]:
    for table in ("storage.fct_enrolment_snapshot", "storage.fct_student_event", "storage.unit_current"):
        engine.execute(f"delete from {table}")
    seen = [(p, s, d, "01", "21") for p, h in people.items() for s, d in sorted(h.seen)]
    events = [(p, s, k, d, True) for p, h in people.items() for k, of in _by_kind(h) for s, d in sorted(of)]
    units = [("student", "c" + s, s, PERIODS[d], d, "full", False) for s, days in full.items() for d in days]
    for table, rows in (
        ("storage.fct_enrolment_snapshot", seen),
        ("storage.fct_student_event", events),
        ("storage.unit_current", units),
    ):
        if rows:
            engine.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
    rows = engine.execute(
        f"select person_id, school_id, start_date, start_basis, end_date, end_basis, is_effective from ({sql}) "
        "order by person_id, school_id, start_date"
    ).fetchall()
    return {person: [Spell(*row[1:]) for row in group] for person, group in groupby(rows, key=lambda row: row[0])}


def _by_kind(history: History) -> list[tuple[str, set[tuple[str, date]]]]:
    return [("22", history.starts), ("21", history.ends)]


def ordered(spells: list[Spell]) -> list[Spell]:
    return sorted(spells, key=lambda spell: (spell.school, spell.start))


days = st.one_of(
    st.sampled_from(SNAPSHOTS),
    st.builds(lambda day, off: day + timedelta(days=off), st.sampled_from(SNAPSHOTS), st.integers(-45, 45)),
)
moments = st.sets(st.tuples(st.sampled_from(SCHOOLS), days), max_size=3)
histories = st.builds(
    History, moments, moments, st.sets(st.tuples(st.sampled_from(SCHOOLS), st.sampled_from(SNAPSHOTS)), max_size=7)
)
full_days = st.fixed_dictionaries(
    {school: st.lists(st.sampled_from(SNAPSHOTS), unique=True, max_size=5) for school in SCHOOLS}
)


@settings(max_examples=40, deadline=None)
@given(st.lists(histories, min_size=20, max_size=60), full_days)
def test_random_histories_give_the_spells_of_the_second_method(
    engine: duckdb.DuckDBPyConnection, model_sql: str, many: list[History], full: dict[str, list[date]]
) -> None:
    people = {f"p{number}": history for number, history in enumerate(many)}
    derived = derive(engine, model_sql, people, full)
    for person, history in people.items():
        spells = derived.get(person, [])
        assert ordered(spells) == ordered(spells_of(history, full)), (history, full)
        for school in SCHOOLS:
            assert no_overlap(spell for spell in spells if spell.school == school)
        assert no_overlap(spell for spell in spells if spell.is_effective)


@settings(max_examples=20, deadline=None)
@given(st.lists(histories, min_size=20, max_size=60), full_days)
def test_spells_of_each_school_alone_are_those_of_the_whole(
    engine: duckdb.DuckDBPyConnection,
    compiled: tuple[str, str],
    model_sql: str,
    many: list[History],
    full: dict[str, list[date]],
) -> None:
    """Transfers, double enrolments and ends of schools included, whichever schools a build makes again."""
    derive(engine, model_sql, {f"p{number}": history for number, history in enumerate(many)}, full)
    sql = compiled[0]
    whole = engine.execute(f"from ({sql}\n) order by all").fetchall()
    alone = []
    for school in SCHOOLS:
        others = [[other] for other in SCHOOLS if other != school]
        engine.executemany("insert into main.kept_part values (?)", others)
        try:
            alone += engine.execute(f"from ({sql}\n)").fetchall()
        finally:
            engine.execute("delete from main.kept_part")
    assert sorted(alone, key=repr) == sorted(whole, key=repr)


D = date
ALL = {school: SNAPSHOTS for school in SCHOOLS}
NAMED: dict[str, tuple[History, list[Spell]]] = {
    "a pupil who stays has one open spell": (
        History(seen={("S1", day) for day in SNAPSHOTS}),
        [Spell("S1", D(2022, 9, 1), "snapshot", None, None)],
    ),
    "a pupil whom a full snapshot misses left by then": (
        History(seen={("S1", SNAPSHOTS[0]), ("S1", SNAPSHOTS[1])}),
        [Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 9, 1), "absent")],
    ),
    "both schools' events date a transfer": (
        History(
            starts={("S2", D(2023, 8, 25))},
            ends={("S1", D(2023, 8, 20))},
            seen={("S1", SNAPSHOTS[0]), ("S1", SNAPSHOTS[1]), *(("S2", day) for day in SNAPSHOTS[2:])},
        ),
        [
            Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 8, 20), "event"),
            Spell("S2", D(2023, 8, 25), "event", None, None),
        ],
    ),
    "an approved start elsewhere ends the spell where no end was approved": (
        History(
            starts={("S2", D(2023, 8, 25))},
            seen={("S1", SNAPSHOTS[0]), ("S1", SNAPSHOTS[1]), *(("S2", day) for day in SNAPSHOTS[2:])},
        ),
        [
            Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 8, 25), "transfer"),
            Spell("S2", D(2023, 8, 25), "event", None, None),
        ],
    ),
    "a roll that still has the pupil some days after the move is behind, not a second spell": (
        History(
            starts={("S2", D(2023, 8, 25))},
            seen={*(("S1", day) for day in SNAPSHOTS[:3]), *(("S2", day) for day in SNAPSHOTS[2:])},
        ),
        [
            Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 8, 25), "transfer"),
            Spell("S2", D(2023, 8, 25), "event", None, None),
        ],
    ),
    "a roll that keeps the pupil is a double enrolment; the approved start is the effective one": (
        History(
            starts={("S2", D(2023, 8, 25))},
            seen={*(("S1", day) for day in SNAPSHOTS), *(("S2", day) for day in SNAPSHOTS[2:])},
        ),
        [
            Spell("S1", D(2022, 9, 1), "snapshot", None, None, False),
            Spell("S2", D(2023, 8, 25), "event", None, None),
        ],
    ),
    "an end ten days before a snapshot that still has the pupil wins over it": (
        History(ends={("S1", D(2023, 8, 22))}, seen={("S1", day) for day in SNAPSHOTS[:3]}),
        [Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 8, 22), "event")],
    ),
    "an end 32 days before does not; the later absence ends": (
        History(ends={("S1", D(2023, 7, 31))}, seen={("S1", day) for day in SNAPSHOTS[:3]}),
        [
            Spell("S1", D(2022, 9, 1), "snapshot", D(2023, 7, 31), "event"),
            Spell("S1", D(2023, 9, 1), "snapshot", D(2024, 3, 1), "absent"),
        ],
    ),
    "a start nine days after the snapshot that first has the pupil dates the spell": (
        History(starts={("S1", D(2022, 9, 10))}, seen={("S1", day) for day in SNAPSHOTS}),
        [Spell("S1", D(2022, 9, 10), "event", None, None)],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_named_histories(engine: duckdb.DuckDBPyConnection, model_sql: str, name: str) -> None:
    history, expected = NAMED[name]
    assert derive(engine, model_sql, {"p": history}, ALL)["p"] == expected


def test_a_decision_says_which_of_two_is_effective(engine: duckdb.DuckDBPyConnection, model_sql: str) -> None:
    history = NAMED["a roll that keeps the pupil is a double enrolment; the approved start is the effective one"][0]
    engine.execute("insert into storage.map_person values ('k', 'p')")
    engine.execute(
        "insert into collection.decision values ('k', 'S1', 'dual_enrolment', 'effective_school', true), "
        "('k', 'S2', 'dual_enrolment', 'effective_school', false)"
    )
    try:
        spells = derive(engine, model_sql, {"p": history}, ALL)["p"]
    finally:
        engine.execute("delete from collection.decision")
    assert [(spell.school, spell.is_effective) for spell in spells] == [("S1", True), ("S2", False)]


def test_suspension_does_not_end_and_a_merger_does(engine: duckdb.DuckDBPyConnection, model_sql: str) -> None:
    engine.execute("insert into seed.school_event values ('merge', '2024-08-01', 'cX', 'c2', '2024-08-01')")
    engine.execute("insert into seed.school_code_change values ('cX', '1', null)")
    try:
        history = History(seen={("S1", day) for day in SNAPSHOTS[:4]})
        full = {"S1": SNAPSHOTS[:4]}
        spells = derive(engine, model_sql, {"p": history}, full)["p"]
    finally:
        engine.execute("delete from seed.school_event")
        engine.execute("delete from seed.school_code_change")
    assert spells == [Spell("S1", D(2022, 9, 1), "snapshot", D(2024, 8, 1), "school_closed")]
