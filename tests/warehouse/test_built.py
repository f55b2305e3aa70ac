"""Readers and a build of one warehouse: readers share it, a build waits for them, and nobody sees half of a build."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest

from edu.lock import BusyError
from edu.paths import Home
from edu.pipeline import publish
from warehouse import built
from warehouse.approval import approve
from warehouse.cases import decide, list_cases, show_case
from warehouse.compaction import compact_warehouse
from warehouse.correction import waiting
from warehouse.deadlines import overdue
from warehouse.official import freeze
from warehouse.reveal import reveal
from warehouse.sharing.oneroster import write_oneroster
from warehouse.sharing.requests import catalog
from warehouse.trace import trace
from warehouse.transform import _invoke, finish, refresh_gate_readers, run_layer, run_seeds

BY = {"actor": "管理员", "reason": "核对"}
READERS: dict[str, Callable[[Home], object]] = {
    "cases list": list_cases,
    "cases show": lambda home: show_case(home, "c" * 32),
    "cases decide": lambda home: decide(home, "c" * 32, "confirm", author="管理员", reason="核对"),
    "correction": waiting,
    "approve": lambda home: approve(home, org="2142000001", dataset="student", period="2024-2025/1", **BY),
    "official": lambda home: freeze(home, name="年报", school_year="2024-2025", author="管理员", reason="核对"),
    "reveal": lambda home: reveal(home, case_id="c" * 32, **BY),
    "overdue": lambda home: overdue(home, date(2024, 10, 2)),
    "trace": lambda home: trace(home, "analysis.enrolment"),
    "share": catalog,
    "oneroster": lambda home: write_oneroster(
        home, org="421000", period="2024-2025/1", domain="lms", out=home.outbox / "b.zip"
    ),
    "publish": publish,
}
WRITERS: dict[str, Callable[[Home], object]] = {
    "seeds": lambda home: run_seeds(home, home.warehouse),
    "layer": lambda home: run_layer("analysis", home=home, database=home.warehouse),
    "gate readers": lambda home: refresh_gate_readers(home, home.warehouse),
    "finish": lambda home: finish(home, home.warehouse),
    "compaction": compact_warehouse,
}
HOLD = (
    "import duckdb, sys\n"
    "with duckdb.connect(sys.argv[1], read_only=True):\n"
    "    print('open', flush=True)\n"
    "    sys.stdin.readline()\n"
)


@pytest.fixture
def home(edu_home: Home) -> Home:
    duckdb.connect(str(edu_home.warehouse)).close()
    (edu_home.logs / "dbt" / "target").mkdir(parents=True)
    (edu_home.logs / "dbt" / "target" / "manifest.json").write_text('{"nodes": {}}', encoding="utf-8")
    return edu_home


@contextmanager
def locked(home: Home, kind: int) -> Iterator[None]:
    """Hold the lock as another process would: locks of one process on two open files exclude each other too."""
    with (home.tmp / "warehouse.open.lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, kind)
        yield


@contextmanager
def program(database: Path) -> Iterator[Callable[[], None]]:
    """Have a database open in a program that knows nothing of the lock; gives what closes it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    try:
        yield lambda: process.communicate("\n")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_beside_a_build_is_told_in_one_line(home: Home, name: str) -> None:
    with locked(home, fcntl.LOCK_EX), pytest.raises(BusyError) as caught:
        READERS[name](home)
    assert str(caught.value) == ("warehouse.duckdb is being built in another process. Wait for its end and run again.")
    assert not list(home.runs.glob("*/[!_]*.parquet"))


@pytest.mark.parametrize("name", WRITERS)
def test_a_step_that_writes_waits_for_readers(home: Home, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built, "WAIT_SECONDS", 0.5)
    before = home.warehouse.read_bytes()
    with locked(home, fcntl.LOCK_SH), pytest.raises(BusyError, match="is open in another process"):
        WRITERS[name](home)
    assert home.warehouse.read_bytes() == before


def test_readers_share_and_who_writes_waits_for_them(home: Home) -> None:
    with built.reading(home), locked(home, fcntl.LOCK_SH):
        pass
    done: list[str] = []

    def write() -> None:
        with built.writing(home):
            done.append("written")

    with built.reading(home):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.6)
        assert done == []
    thread.join(10)
    assert done == ["written"]


def test_what_a_build_calls_reads_its_own_work(home: Home) -> None:
    with built.writing(home), built.writing(home), built.opened(home) as connection:
        assert connection.execute("select 1").fetchall() == [(1,)]
    with locked(home, fcntl.LOCK_EX), pytest.raises(BusyError), built.reading(home):
        pass


def test_a_program_that_reads_is_waited_for_and_no_model_is_blamed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with program(home.warehouse) as close:
        monkeypatch.setattr(built, "WAIT_SECONDS", 0.0)
        for step in (
            lambda: _invoke(home, home.warehouse, "seed", ["seed", "--select", "stage"], None),
            lambda: run_seeds(home, home.warehouse),
            lambda: compact_warehouse(home),
        ):
            with pytest.raises(BusyError) as caught:
                step()
            assert "is open in another process" in str(caught.value)
            assert "model" not in str(caught.value)
        assert home.warehouse.exists(), "what somebody else has open is not broken"
        monkeypatch.setattr(built, "WAIT_SECONDS", 60.0)
        later = threading.Timer(2, close)
        later.start()
        assert _invoke(home, home.warehouse, "seed", ["seed", "--select", "stage"], None) == 1
        later.join()


def test_a_program_that_writes_is_told_to_the_reader(home: Home) -> None:
    writing = HOLD.replace(", read_only=True", "")
    process = subprocess.Popen(
        [sys.executable, "-c", writing, str(home.warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    try:
        for name in ("cases list", "reveal", "trace", "approve"):
            with pytest.raises(BusyError, match="is open in another process"):
                READERS[name](home)
    finally:
        process.kill()
        process.wait()


def test_a_broken_block_is_no_lock() -> None:
    assert not built.is_locked("IO Error: Corrupt database file: computed checksum of block 12 does not match")
    assert built.is_locked(
        'IO Error: Could not set lock on file "w.duckdb": Conflicting lock is held in python (PID 1)'
    )
