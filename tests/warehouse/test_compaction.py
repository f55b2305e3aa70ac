"""Compaction leaves every record and every row, takes less room, and may be killed."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from edu import runs
from edu.errors import WarehouseError
from edu.paths import Home
from warehouse import compaction
from warehouse.compaction import compact_records, compact_warehouse
from warehouse.digest import digest

TODAY = date(2026, 3, 15)
# 31 days before the 15th of March is the 12th of February.
TIMES = [
    datetime(2026, 1, 3),
    datetime(2026, 1, 30),
    datetime(2026, 2, 11),
    datetime(2026, 2, 10),
    datetime(2026, 2, 12),
]


@pytest.fixture
def logged(edu_home: Home) -> Home:
    runs.ensure_empty(edu_home)
    for number, at in enumerate(TIMES):
        record: dict[str, object] = {"run_id": f"r{number}", "step": "seed", "started_at": at, "status": "done"}
        runs.append(edu_home, "run_log", f"r{number}-seed", [record])
    return edu_home


def records(home: Home) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select distinct * from read_parquet('{home.runs}/run_log/*.parquet') order by run_id"
    ).fetchall()


def names(home: Home) -> list[str]:
    return sorted(path.name for path in (home.runs / "run_log").glob("*"))


def test_old_records_stand_in_one_file_a_month(logged: Home) -> None:
    before = records(logged)
    assert compact_records(logged, "run_log", TODAY) == 4
    assert records(logged) == before
    assert len(before) == len(TIMES)
    assert names(logged) == ["_empty.parquet", "month-2026-01.parquet", "month-2026-02.parquet", "r4-seed.parquet"]
    assert compact_records(logged, "run_log", TODAY) == 0
    # The rest of February comes to the month's file later.
    assert compact_records(logged, "run_log", date(2026, 5, 1)) == 1
    assert records(logged) == before
    assert names(logged) == ["_empty.parquet", "month-2026-01.parquet", "month-2026-02.parquet"]


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
def test_a_kill_loses_no_record_and_the_next_run_ends_it(
    logged: Home, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    before, count, unlink = records(logged), [0], Path.unlink

    def stop(self: Path, missing_ok: bool = False) -> None:
        count[0] += 1
        if count[0] == stop_at:
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", stop)
    with pytest.raises(KeyboardInterrupt):
        compact_records(logged, "run_log", TODAY)
    monkeypatch.setattr(Path, "unlink", unlink)
    assert records(logged) == before
    compact_records(logged, "run_log", TODAY)
    assert records(logged) == before
    assert duckdb.execute(f"select count(*) from read_parquet('{logged.runs}/run_log/*.parquet')").fetchone() == (5,)


def grown(home: Home) -> None:
    """Write a warehouse of which most is free: 400,000 rows went."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema management; create schema analysis")
        connection.execute(
            "create table management.column_catalog (schema_name varchar, table_name varchar, column_name varchar, "
            "is_volatile boolean, is_pseudonym boolean)"
        )
        connection.execute("create table analysis.enrolment as select range as pupils from range(1000)")
        connection.execute("alter table analysis.enrolment alter pupils set not null")
        connection.execute("comment on column analysis.enrolment.pupils is '学生数'")
        connection.execute("create table analysis.gone as select random() as n from range(400000)")
        connection.execute("checkpoint")
        connection.execute("drop table analysis.gone")
        connection.execute("checkpoint")


def test_a_warehouse_that_is_mostly_free_is_copied(edu_home: Home) -> None:
    grown(edu_home)
    before, size = digest(edu_home.warehouse), edu_home.warehouse.stat().st_size
    assert compact_warehouse(edu_home) == 0, "too little is free to be worth it"
    assert compact_warehouse(edu_home, free_bytes=1 << 20) == size - edu_home.warehouse.stat().st_size > size / 2
    assert digest(edu_home.warehouse) == before
    with duckdb.connect(str(edu_home.warehouse), read_only=True) as connection:
        column = "select comment, is_nullable from duckdb_columns() where column_name = 'pupils'"
        assert connection.execute(column).fetchall() == [("学生数", False)]
    assert compact_warehouse(edu_home, free_bytes=1 << 20) == 0


def test_a_copy_that_differs_never_takes_the_name(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(edu_home)
    before = edu_home.warehouse.read_bytes()
    monkeypatch.setattr(compaction, "digest", lambda path, **_: str(path))
    with pytest.raises(WarehouseError, match="another digest"):
        compact_warehouse(edu_home, free_bytes=1 << 20)
    assert edu_home.warehouse.read_bytes() == before
    assert [path.name for path in edu_home.root.glob(".*")] == []


def test_a_home_without_a_warehouse_has_nothing_to_compact(edu_home: Home) -> None:
    assert compact_warehouse(edu_home) == 0
