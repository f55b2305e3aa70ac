"""Figures before and after a change that waits: those by hand, and those that a build gives before and after it counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from edu.contract import contracts
from edu.paths import Home
from edu.settings import PROJECT_ROOT, get_settings
from warehouse.correction import OTHER_KEYS, Change, waiting
from warehouse.transform import _environment

SCHOOL, COUNTY, PERIOD, DAY = "3142000001", "421002", "2024-2025/1", date(2024, 9, 1)
OTHER = "oneroster@lms:b"


def warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Return an empty warehouse with the tables that the figures and the models that say what counts read."""
    c = duckdb.connect(str(home.warehouse))
    for schema in ("collection", "storage", "seed"):
        c.execute(f"create schema {schema}")
    for dataset in ("student", "school", "learning_activity_daily"):
        c.register("empty", contracts()[dataset].lake_schema().empty_table())
        c.execute(f"create table collection.{dataset} as select * from empty")
    c.execute(
        "create table collection.unit (submission_id varchar, batch_id varchar, dataset varchar, school_code varchar, "
        "unit_owner varchar, source_owner varchar, period varchar, snapshot_date date, coverage varchar, "
        "rows_read integer, rows_accepted integer, rows_quarantined integer)"
    )
    c.execute(
        "create table collection.submission (submission_id varchar, batch_id varchar, submitter_org varchar, "
        "received_at timestamp, status varchar, is_repeat boolean, is_withdrawn boolean)"
    )
    c.execute(
        "create table collection.waiting (dataset varchar, unit_owner varchar, period varchar, snapshot_date date, "
        "submission_id varchar, received_at timestamp, correction_status varchar)"
    )
    c.execute("create view storage.unit_waiting as select * from collection.waiting")
    c.execute(
        "create table storage.unit_held (dataset varchar, unit_owner varchar, period varchar, submission_id varchar)"
    )
    c.execute(
        "create table seed.submission_authority as select 'school' as dataset, 'bureau' as submitter_kind, "
        "2018 as valid_from_year, null::integer as valid_to_year"
    )
    c.execute("create table seed.school_code_change (school_code varchar, first_school_code varchar)")
    c.execute(
        "create table seed.submission_calendar as select ? as period, 'student' as dataset, ? as snapshot_date",
        [PERIOD, DAY],
    )
    return c


def deliver(
    c: duckdb.DuckDBPyConnection,
    name: str,
    coverage: str,
    received: int,
    rows: list[dict[str, Any]],
    *,
    dataset: str = "student",
    submitter: str = SCHOOL,
    batch: str = "b1",
    day: date = DAY,
    is_waiting: bool = False,
) -> None:
    """Add a delivery of the school's unit, received on a day of September."""
    schema = contracts()[dataset].lake_schema()
    owner = SCHOOL if contracts()[dataset].school_field else submitter
    at = datetime(2024, 9, received, 9)
    for number, given in enumerate(rows, 2):
        row: dict[str, Any] = {
            "submission_id": name,
            "batch_id": batch,
            "row_number": number,
            "submitter_org": submitter,
            "period": PERIOD,
            "snapshot_date": day,
            "school_code": SCHOOL,
            **given,
        }
        known = {key: value for key, value in row.items() if key in schema.names}
        c.execute(
            f"insert into collection.{dataset} ({', '.join(known)}) values ({', '.join('?' * len(known))})",
            list(known.values()),
        )
    c.execute(
        "insert into collection.unit values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)",
        [name, batch, dataset, SCHOOL, owner, owner, PERIOD, day, coverage],
    )
    c.execute(
        "insert into collection.submission values (?, ?, ?, ?, 'accepted', false, false)", [name, batch, submitter, at]
    )
    if is_waiting:
        c.execute(
            "insert into collection.waiting values (?, ?, ?, ?, ?, ?, 'waiting')",
            [dataset, owner, PERIOD, day, name, at],
        )


def pupil(key: str, **more: Any) -> dict[str, Any]:
    return {"row_key": f"xjh:{key}", "xjh_key": key, "status_code": "01", "grade_code": "21", **more}


def gone(key: str, other: str | None = None) -> dict[str, Any]:
    return {"row_key": key, "sourced_id_key": other, "is_deleted": True}


@contextmanager
def locked(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a warehouse in which five pupils are locked; one of them left since they were first sent."""
    with warehouse(home) as c:
        pupils = [pupil("a"), pupil("b", sourced_id_key=OTHER), pupil("c"), pupil("d"), pupil("e")]
        # Landed before under an older contract: of that landing no row counts.
        c.executemany(
            "insert into collection.student (submission_id, batch_id, row_number, submitter_org, period, snapshot_date, "
            "school_code, row_key) values ('s1', 'b0', ?, ?, ?, ?, ?, ?)",
            [[number, SCHOOL, PERIOD, DAY, SCHOOL, f"xjh:old{number}"] for number in range(9)],
        )
        deliver(c, "s1", "full", 5, pupils)
        deliver(c, "s2", "delta", 6, [pupil("c", status_code="06")])
        yield c


def figures(change: Change) -> tuple[list[str | None], list[str | None]]:
    return tuple([of["rows"], of["rows_active"]] for of in (change.before, change.after))  # type: ignore[return-value]


CHANGES: dict[str, tuple[str, int, list[dict[str, Any]], list[str]]] = {
    "a delta that deletes one": ("delta", 9, [gone("xjh:d")], ["4", "3"]),
    "a delta that deletes by the other system's id": ("delta", 9, [gone(OTHER, OTHER)], ["4", "3"]),
    "a delete that names nobody": ("delta", 9, [gone("xjh:z"), gone("oneroster@lms:z", "oneroster@lms:z")], ["5", "4"]),
    "a delta that deletes two, changes one and adds one": (
        "delta",
        9,
        [gone("xjh:d"), gone(OTHER, OTHER), pupil("c"), pupil("f")],
        ["4", "4"],
    ),
    "a full delivery of three": ("full", 9, [pupil("a"), pupil("b"), pupil("g")], ["3", "3"]),
    "a full delivery that says itself that one is gone": ("full", 9, [pupil("a"), gone("xjh:b")], ["1", "1"]),
    "a delta that was received before the full one": ("delta", 4, [gone("xjh:d"), pupil("f")], ["5", "4"]),
    "a delta that was received between": ("delta", 5, [pupil("c"), pupil("f")], ["6", "5"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_delete_a_late_and_a_full_delivery_give_the_figures_that_will_count(edu_home: Home, name: str) -> None:
    coverage, received, rows, after = CHANGES[name]
    with locked(edu_home) as c:
        # By its id it stands after s1 where both came on the same day.
        deliver(c, "s1w", coverage, received, rows, is_waiting=True)
    with duckdb.connect(str(edu_home.warehouse)) as c:
        delivery_by_hand(c, [("s1", 1, 5, "full"), ("s2", 2, 6, "delta")])
    [change] = waiting(edu_home)
    assert figures(change) == (["5", "4"], after)
    assert change.is_change == (after != ["5", "4"])


def delivery_by_hand(c: duckdb.DuckDBPyConnection, deliveries: list[tuple[str, int, int, str]]) -> None:
    """Write `collection.delivery` as the model would: what counts and does not wait."""
    c.execute(
        "create or replace table collection.delivery (dataset varchar, unit_owner varchar, source_owner varchar, "
        "period varchar, snapshot_date date, submission_id varchar, batch_id varchar, submitter_kind varchar, "
        "coverage varchar, received_at timestamp)"
    )
    for name, _, received, coverage in deliveries:
        c.execute(
            "insert into collection.delivery values ('student', ?, ?, ?, ?, ?, 'b1', 'school', ?, ?)",
            [SCHOOL, SCHOOL, PERIOD, DAY, name, coverage, datetime(2024, 9, received, 9)],
        )


def test_what_the_gate_holds_counts_nothing(edu_home: Home) -> None:
    with locked(edu_home) as c:
        deliver(c, "w", "delta", 9, [pupil("f")], is_waiting=True)
        delivery_by_hand(c, [("s1", 1, 5, "full"), ("s2", 2, 6, "delta")])
        c.execute("insert into storage.unit_held values ('student', ?, ?, 'w')", [SCHOOL, PERIOD])
    [change] = waiting(edu_home)
    assert figures(change) == (["5", "4"], ["0", "0"])


def built(home: Home, dataset: str, columns: list[str], owner: str, deleted_by: str | None) -> list[tuple[Any, ...]]:
    """Build what says which deliveries count, and return the rows that the macro of the models then chooses."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folder = PROJECT_ROOT / "dbt_project"
    options = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--quiet", "--log-level", "none"]
    options += ["--target-path", str(home.tmp / "target"), "--log-path", str(home.tmp), "--vars", "{as_of: ''}"]
    macro = f"current_rows('{dataset}', {columns}, owner='{owner}', deleted_by={deleted_by!r})"
    (home.logs / "dbt").mkdir(parents=True, exist_ok=True)
    with _environment(home, home.warehouse, home):
        try:
            done = dbtRunner().invoke(["run", "--select", "col_delivery", "unit_current", *options])
            assert done.success, done.result or done.exception
            compiled = dbtRunner().invoke(["compile", "--inline", f"{{{{ {macro} }}}}", *options])
            assert compiled.success, compiled.exception
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    sql = compiled.result.results[0].node.compiled_code  # type: ignore[union-attr]
    with duckdb.connect(str(home.warehouse)) as c:
        return c.execute(sql).fetchall()


def test_a_build_gives_the_figures_that_were_shown(edu_home: Home) -> None:
    """Before and after the change counts, the models choose as many rows as the figures say."""
    get_settings()
    with locked(edu_home) as c:
        deliver(
            c,
            "w1",
            "delta",
            9,
            [gone("xjh:d"), gone(OTHER, OTHER), pupil("c"), pupil("f", sourced_id_key="oneroster@lms:f")],
            is_waiting=True,
        )
        # A school names itself beside the register of its bureau, whose word counts.
        register = {"row_key": SCHOOL, "school_name": "甲中学"}
        deliver(c, "r1", "full", 5, [register], dataset="school", submitter=COUNTY)
        deliver(c, "r2", "full", 9, [register | {"row_key": "own"}] * 2, dataset="school", is_waiting=True)
        # Of another date than the calendar's nothing counts beside it.
        deliver(c, "w2", "full", 10, [pupil("g")], day=date(2024, 9, 15), is_waiting=True)

    def rows() -> dict[str, int]:
        pupils = built(edu_home, "student", ["row_key", "status_code"], "school_code", "sourced_id_key")
        schools = built(edu_home, "school", ["row_key"], "school_code", None)
        return {"student": len(pupils), "active": sum(row[1] == "01" for row in pupils), "school": len(schools)}

    before = rows()
    changes = {change.submission_id: change for change in waiting(edu_home)}
    shown = {"student": changes["w1"], "school": changes["r2"]}
    assert figures(changes["w2"]) == (["5", "4"], ["5", "4"])
    assert not changes["w2"].is_change
    with duckdb.connect(str(edu_home.warehouse)) as c:
        c.execute("delete from collection.waiting")
    after = rows()
    assert (before, after) == (
        {"student": 5, "active": 4, "school": 1},
        {"student": 4, "active": 4, "school": 1},
    )
    assert figures(shown["student"]) == (["5", "4"], ["4", "4"])
    assert (shown["school"].before["rows"], shown["school"].after["rows"]) == ("1", "1")
    assert not shown["school"].is_change


def test_the_other_keys_are_those_of_the_models() -> None:
    models = (PROJECT_ROOT / "dbt_project" / "models" / "storage").glob("*.sql")
    calls = [re.search(r"current_rows\('(\w+)'.*?deleted_by='(\w+)'", path.read_text(), re.DOTALL) for path in models]
    assert {match[1]: match[2] for match in calls if match} == OTHER_KEYS
