"""Pulls from a source database: all of it, then what changed and what is gone, of one moment, and no secret kept."""

from __future__ import annotations

import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from databases import Database, mariadb, postgres
from rosters import SCHOOL, id_number

from edu.connector import Connector, ConnectorError, get_connector, read_connector
from edu.paths import Home
from edu.pseudonym import load_key, pseudonyms
from ingest import pull as pulling
from ingest.pull import pull

CONNECTOR = """
type: {type}
dsn_env: TEST_SOURCE_DSN
org: "421002"
period: current_term
tables:
  - dataset: class
    table: {schema}bj
    columns: {{school_code: xxdm, class_code: bh, class_name: bjmc, grade_code: nj}}
  - dataset: student
    table: {schema}xs
    columns: {{school_code: xxdm, xjh: xjh, name: xm, grade_code: nj, class_code: bh, status_code: zt, boarding_code: jdfs}}
    watermark: gxsj
    overlap_minutes: 0
"""
TIMES = [datetime(2024, 9, 5, 8), datetime(2024, 9, 6, 8), datetime(2024, 9, 7, 8)]


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Database]:
    with (postgres if request.param == "postgres" else mariadb)() as database:
        yield database


@pytest.fixture
def source(server: Database, edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("TEST_SOURCE_DSN", server.dsn)
    folder = edu_home.root / "connectors"
    folder.mkdir()
    schema = "public." if server.type == "postgres" else "school."
    (folder / "roll.yml").write_text(CONNECTOR.format(type=server.type, schema=schema), encoding="utf-8")
    server.execute("drop table if exists xs; drop table if exists bj;")
    server.execute(
        "create table bj (xxdm char(10), bh varchar(10), bjmc varchar(20), nj char(2)); "
        f"insert into bj values ('{SCHOOL}', '1601', '2019级1班', '16');"
    )
    server.execute(
        "create table xs (xxdm char(10), xjh varchar(19) primary key, xm varchar(20), nj char(2), bh varchar(10), "
        "zt char(2), jdfs char(1), gxsj timestamp);"
    )
    for serial in (1, 3, 5):
        insert(server, serial)
    return server


def roll(serial: int) -> str:
    return f"G{id_number(serial)}"


def insert(server: Database, serial: int, at: str = "2024-09-01 08:00:00") -> None:
    server.execute(f"insert into xs values ('{SCHOOL}', '{roll(serial)}', '王小明', '16', '1601', '01', '1', '{at}');")


def lake(home: Home, dataset: str, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {columns} from read_parquet('{home.lake}/{dataset}/*/b*.parquet') order by all"
    ).fetchall()


def records(home: Home, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {columns} from read_parquet('{home.runs}/pull/*.parquet') order by received_at, dataset"
    ).fetchall()


def test_all_then_what_changed_and_what_is_gone(source: Database, edu_home: Home) -> None:
    connector = get_connector(edu_home, "roll")
    first = pull(edu_home, connector, received_at=TIMES[0])
    assert {(r.dataset, r.period, r.status, r.rows_read) for r in first.receipts} == {
        ("class", "2024-2025/1", "accepted", 1),
        ("student", "2024-2025/1", "accepted", 3),
    }
    assert records(edu_home, "dataset, coverage, rows_source, rows_accepted, rows_deleted") == [
        ("class", "full", 1, 1, 0),
        ("student", "full", 3, 3, 0),
    ]
    # Source count against landed count.
    assert lake(edu_home, "student", "count(*), count(xjh_key), min(class_code)") == [(3, 3, "1601")]

    source.execute(f"update xs set bh = '1602', gxsj = '2024-09-06 07:00:00' where xjh = '{roll(1)}';")
    source.execute(f"delete from xs where xjh = '{roll(3)}';")
    insert(source, 7, "2024-09-06 07:30:00")
    second = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[1]).receipts}
    # Reading begins at the last watermark, so the three rows of that moment that are still there come again: one is new.
    assert records(edu_home, "dataset, coverage, rows_source, rows_changed, rows_deleted")[2:] == [
        ("class", "full", 1, 1, 0),
        ("student", "delta", 3, 3, 1),
    ]
    assert second["student"].rows_read == 4
    of_second = f"read_parquet('{edu_home.lake}/student/*/b*.parquet') where submission_id = '{second['student'].submission_id}'"
    gone = duckdb.execute(f"select row_key from {of_second} and is_deleted").fetchall()
    kept = {row[0] for row in duckdb.execute(f"select row_key from {of_second} and not is_deleted").fetchall()}
    before = {row[0] for row in lake(edu_home, "student", "row_key") if row[0] not in kept}
    assert {row[0] for row in gone} == before
    assert len(gone) == 1
    assert sorted(
        row[0] for row in duckdb.execute(f"select class_code from {of_second} and not is_deleted").fetchall()
    ) == [
        "1601",
        "1601",
        "1602",
    ]


def test_all_tables_are_of_one_moment(source: Database, edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pulling._extract_table

    def while_others_write(connection: Any, table: Any, *rest: Any) -> Any:
        extract = whole(connection, table, *rest)
        if table.dataset == "class":
            insert(source, 9)
            source.execute("insert into bj values ('2142000001', '1699', '2019级99班', '16');")
        return extract

    monkeypatch.setattr(pulling, "_extract_table", while_others_write)
    result = {r.dataset: r for r in pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[0]).receipts}
    assert (result["class"].rows_read, result["student"].rows_read) == (1, 3)


QUERIES = """
type: {type}
dsn_env: TEST_SOURCE_DSN
org: "421002"
period: 2024-2025/1
tables:
  - dataset: class
    query: select xxdm, bh, bjmc, nj from bj where bh <> '9999' -- classes that are there
    columns: {{school_code: xxdm, class_code: bh, class_name: bjmc, grade_code: nj}}
  - dataset: student
    query: |
      with shown as (select * from xs where zt = '01')
      select x.xxdm, x.xjh, x.xm, b.nj as grade, x.bh, x.zt, x.gxsj
      from shown as x join bj as b on b.xxdm = x.xxdm and b.bh = x.bh
    columns: {{school_code: xxdm, xjh: xjh, name: xm, grade_code: grade, class_code: bh, status_code: zt}}
    watermark: gxsj
    overlap_minutes: 0
"""


def with_queries(home: Home, source: Database) -> Connector:
    path = home.root / "connectors" / "asked.yml"
    path.write_text(QUERIES.format(type=source.type), encoding="utf-8")
    return get_connector(home, "asked")


def sent(home: Home, dataset: str, submission_id: str | None) -> list[tuple[Any, ...]]:
    """Return key and delete mark of a submission's rows, the kept ones first."""
    return duckdb.execute(
        f"select row_key, is_deleted from read_parquet('{home.lake}/{dataset}/*/b*.parquet') where submission_id = ? "
        "order by is_deleted, row_key",
        [submission_id],
    ).fetchall()


def row_key(home: Home, serial: int) -> str:
    return f"xjh:{pseudonyms(load_key(home), 'xjh', [roll(serial)])[0]}"


def test_a_query_serves_in_the_place_of_a_table(source: Database, edu_home: Home) -> None:
    connector = with_queries(edu_home, source)
    first = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[0]).receipts}
    assert {name: (r.status, r.rows_read) for name, r in first.items()} == {
        "class": ("accepted", 1),
        "student": ("accepted", 3),
    }
    # One left the class that the query joins, one was changed, one came; the query gives what stands now.
    source.execute(f"update xs set zt = '04' where xjh = '{roll(3)}';")
    source.execute(f"update xs set xm = '王小红', gxsj = '2024-09-06 07:00:00' where xjh = '{roll(1)}';")
    insert(source, 7, "2024-09-06 07:30:00")
    second = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[1]).receipts}
    assert sent(edu_home, "student", second["student"].submission_id) == [
        *sorted((row_key(edu_home, serial), False) for serial in (1, 5, 7)),
        (row_key(edu_home, 3), True),
    ]
    insert(source, 9, "2024-09-07 07:00:00")
    third = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[2]).receipts}
    # Reading begins at the last watermark: the row of that moment comes again, the older ones do not.
    assert sent(edu_home, "student", third["student"].submission_id) == sorted(
        (row_key(edu_home, serial), False) for serial in (7, 9)
    )


def test_queries_are_of_one_moment(source: Database, edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pulling._place

    def while_others_write(connection: Any, table: Any) -> str:
        place = whole(connection, table)
        if table.dataset == "class":
            insert(source, 9)
            source.execute("insert into bj values ('2142000001', '1699', '2019级99班', '16');")
        return place

    monkeypatch.setattr(pulling, "_place", while_others_write)
    connector = with_queries(edu_home, source)
    result = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[0]).receipts}
    assert (result["class"].rows_read, result["student"].rows_read) == (1, 3)


def test_a_query_can_only_read(source: Database, edu_home: Home) -> None:
    for query in (
        "with gone as (delete from xs returning *) select * from gone",
        "select * from nothing_of_this_name",
    ):
        path = edu_home.root / "connectors" / "asked.yml"
        text = QUERIES.format(type=source.type).split("  - dataset: student")[0]
        path.write_text(text.replace("select xxdm, bh, bjmc, nj from bj where bh <> '9999'", query), encoding="utf-8")
        with pytest.raises(ConnectorError, match="what feeds class cannot be read") as caught:
            pull(edu_home, get_connector(edu_home, "asked"))
        assert source.dsn not in str(caught.value)
    assert pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[0]).receipts[1].rows_read == 3


def test_a_school_of_which_nothing_is_left_is_emptied_though_all_is_sent(source: Database, edu_home: Home) -> None:
    connector = get_connector(edu_home, "roll")
    source.execute("insert into bj values ('2142000002', '1601', '2019级1班', '16');")
    first = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[0]).receipts}
    assert sent(edu_home, "class", first["class"].submission_id) == [
        ("2142000001/1601", False),
        ("2142000002/1601", False),
    ]
    source.execute("delete from bj where xxdm = '2142000002';")
    second = {r.dataset: r for r in pull(edu_home, connector, received_at=TIMES[1]).receipts}
    assert sent(edu_home, "class", second["class"].submission_id) == [
        ("2142000001/1601", False),
        ("2142000002/1601", True),
    ]
    units = duckdb.execute(
        f"select school_code, coverage from read_parquet('{edu_home.runs}/unit/*.parquet') where submission_id = ? order by 1",
        [second["class"].submission_id],
    ).fetchall()
    assert units == [("2142000001", "full"), ("2142000002", "full")]


def test_what_was_refused_is_pulled_again_from_the_beginning(source: Database, edu_home: Home) -> None:
    insert(source, 7, "2024-08-01 08:00:00")
    path = edu_home.root / "connectors" / "roll.yml"
    right = path.read_text(encoding="utf-8")
    path.write_text(
        right.replace("grade_code: nj, class_code: bh, status_code: zt,", "class_code: bh,"), encoding="utf-8"
    )
    first = {r.dataset: r for r in pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[0]).receipts}
    assert (first["student"].status, first["student"].rows_accepted) == ("rejected", 0)
    path.write_text(right, encoding="utf-8")
    second = {r.dataset: r for r in pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[1]).receipts}
    assert (second["student"].status, second["student"].rows_accepted) == ("accepted", 4)
    assert records(edu_home, "coverage, watermark is null")[1::2] == [("full", True), ("full", False)]


KILLED = """
import os, signal, sys
from datetime import datetime
from edu.connector import get_connector
from edu.paths import get_home
from ingest import pull
from edu import runs

place, call, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
owner = runs if place == "append" else pull
whole = getattr(owner, place)
calls = 0

def killed(*arguments, **named):
    global calls
    calls += place != "append" or arguments[1] == "pull"
    if calls == call and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = whole(*arguments, **named)
    if calls == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(owner, place, killed)
home = get_home().ensure()
pull.pull(home, get_connector(home, "roll"), received_at=datetime(2024, 9, 6, 8))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "call", "when", "is_received"),
    [
        ("_keep_keys", 1, "before", False),
        ("_keep_keys", 1, "after", False),
        ("_land", 1, "after", True),
        ("append", 1, "after", True),
        ("_keep_keys", 2, "after", True),
    ],
)
def test_a_pull_that_is_killed_loses_nothing_and_counts_nothing_twice(
    source: Database, edu_home: Home, place: str, call: int, when: str, is_received: bool
) -> None:
    path = edu_home.root / "connectors" / "roll.yml"
    before, _, after = path.read_text(encoding="utf-8").partition("  - dataset: class")
    path.write_text(before + "  - dataset: student" + after.partition("  - dataset: student")[2], encoding="utf-8")
    connector = get_connector(edu_home, "roll")
    pull(edu_home, connector, received_at=TIMES[0])
    insert(source, 7, "2024-09-06 07:00:00")
    source.execute(f"delete from xs where xjh = '{roll(3)}';")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, place, str(call), when], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    receipts = duckdb.execute(f"select count(*) from read_parquet('{edu_home.runs}/submission/*.parquet')").fetchone()
    assert receipts == (2 if is_received else 1,)
    # Who came with the pull that was killed is gone before the next: his delete must not be lost.
    source.execute(f"delete from xs where xjh = '{roll(7)}';")
    insert(source, 9, "2024-09-07 07:00:00")
    source.execute(f"update xs set bh = '1602', gxsj = '2024-09-07 07:30:00' where xjh = '{roll(1)}';")
    pull(edu_home, connector, received_at=TIMES[2])
    assert state(edu_home) == {row_key(edu_home, 1): "1602", row_key(edu_home, 5): "1601", row_key(edu_home, 9): "1601"}
    assert len(records(edu_home, "1")) == 3 - (place == "_keep_keys" and call == 1) - (place == "_land")
    # And from there it goes on as if nothing had been: what stands is not sent again but for the last moment's.
    source.execute(f"delete from xs where xjh = '{roll(5)}';")
    last = pull(edu_home, connector, received_at=TIMES[2] + timedelta(hours=1)).receipts[0]
    assert sent(edu_home, "student", last.submission_id) == [
        (row_key(edu_home, 1), False),
        (row_key(edu_home, 5), True),
    ]


def state(home: Home) -> dict[str, str]:
    """Return class by key after replaying what was landed, delivery by delivery."""
    rows = duckdb.execute(
        f"select s.coverage, s.received_at, r.row_key, r.is_deleted, r.class_code "
        f"from read_parquet('{home.lake}/student/*/b*.parquet') as r "
        f"inner join read_parquet('{home.runs}/submission/*.parquet') as s using (submission_id, batch_id) "
        "order by s.received_at, r.row_number"
    ).fetchall()
    now: dict[str, str] = {}
    cleared = None
    for coverage, received_at, key, is_deleted, class_code in rows:
        if coverage == "full" and cleared != received_at:
            now.clear()
            cleared = received_at
        if is_deleted:
            now.pop(key, None)
        else:
            now[key] = class_code
    return now


def test_no_secret_and_no_key_is_kept_in_the_clear(source: Database, edu_home: Home) -> None:
    pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[0])
    kept = b"".join(path.read_bytes() for path in edu_home.root.rglob("*") if path.is_file())
    assert source.dsn.encode() not in kept
    assert roll(1).encode() not in kept
    # The lock that landings take in turn is empty and stays.
    assert not [path for path in edu_home.tmp.rglob("*") if path.is_file() and path.name != "landing.lock"]


@pytest.mark.parametrize(
    ("kind", "dsn"),
    [
        ("postgres", "host=/nowhere user=u password=s3cret dbname=d"),
        ("postgres", "postgresql://u:s3cret@127.0.0.1:1/d"),
        ("mysql", "host=127.0.0.1 port=1 user=u password=s3cret database=d"),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_line_without_the_dsn(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, dsn: str
) -> None:
    monkeypatch.setenv("TEST_SOURCE_DSN", dsn)
    path = tmp_path / "roll.yml"
    path.write_text(CONNECTOR.format(type=kind, schema="public."), encoding="utf-8")
    with pytest.raises(ConnectorError, match="does not answer or refuses the login") as caught:
        pull(edu_home, read_connector(path))
    # Neither the message nor what a log would print of the error and its causes.
    told = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in told
    assert "TEST_SOURCE_DSN" in str(caught.value)
    monkeypatch.delenv("TEST_SOURCE_DSN")
    with pytest.raises(ConnectorError, match="set the environment variable"):
        pull(edu_home, read_connector(path))


def test_a_refused_login_shows_no_password(source: Database, edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = source.dsn.replace("user=postgres", "user=nobody_here").replace("user=root", "user=nobody_here")
    monkeypatch.setenv("TEST_SOURCE_DSN", f"{dsn} password=s3cret")
    with pytest.raises(ConnectorError, match="does not answer or refuses the login") as caught:
        pull(edu_home, get_connector(edu_home, "roll"))
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert not [path for path in (edu_home.runs / "pull").glob("roll*")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("dsn_env: TEST_SOURCE_DSN", "dsn_env: host=x password=s3cret"), "name the environment variable"),
        (("dataset: class", "dataset: weather"), "has no contract"),
        (("class_code: bh, class_name", "nothing: bh, class_name"), "has no field nothing"),
        (("table: public.bj", "table: public.bj; drop table x"), "no name of a table"),
        (("xjh: xjh, ", ""), "no whole key"),
        (("table: public.bj", "query: delete from bj"), "write one SELECT"),
        (("table: public.bj", "query: select 1; drop table bj"), "without a semicolon"),
        (("table: public.bj", "table: public.bj\n    query: select 1"), "one of them"),
        (("    table: public.bj\n", ""), "one of them"),
    ],
)
def test_a_wrong_connector_is_refused(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    path = tmp_path / "roll.yml"
    text = CONNECTOR.format(type="postgres", schema="public.")
    assert change[0] in text
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ConnectorError, match=problem) as caught:
        read_connector(path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("day", "period"),
    [("2024-09-01", "2024-2025/1"), ("2025-01-31", "2024-2025/1"), ("2025-02-01", "2024-2025/2"), ("2025-07-31", "2024-2025/2"), ("2025-08-01", "2025-2026/1")],
)  # fmt: skip
def test_the_current_term(tmp_path: Path, day: str, period: str) -> None:
    path = tmp_path / "roll.yml"
    path.write_text(CONNECTOR.format(type="postgres", schema=""), encoding="utf-8")
    connector: Connector = read_connector(path)
    assert connector.period_of(datetime.fromisoformat(day).date()) == period
