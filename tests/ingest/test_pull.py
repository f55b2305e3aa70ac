"""Pulls from a source database: all of it, then what changed and what is gone, of one moment, and no secret kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from databases import Database, mariadb, postgres
from rosters import SCHOOL, id_number

from edu.connector import Connector, ConnectorError, get_connector, read_connector
from edu.paths import Home
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


def test_no_secret_and_no_key_is_kept_in_the_clear(source: Database, edu_home: Home) -> None:
    pull(edu_home, get_connector(edu_home, "roll"), received_at=TIMES[0])
    kept = b"".join(path.read_bytes() for path in edu_home.root.rglob("*") if path.is_file())
    assert source.dsn.encode() not in kept
    assert roll(1).encode() not in kept
    assert not [path for path in edu_home.tmp.rglob("*") if path.is_file()]


def test_a_database_that_cannot_be_reached_is_one_line_without_the_dsn(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_SOURCE_DSN", "host=/nowhere user=u password=s3cret dbname=d")
    path = tmp_path / "roll.yml"
    path.write_text(CONNECTOR.format(type="postgres", schema="public."), encoding="utf-8")
    with pytest.raises(ConnectorError) as caught:
        pull(edu_home, read_connector(path))
    assert "s3cret" not in str(caught.value)
    assert "TEST_SOURCE_DSN" in str(caught.value)
    monkeypatch.delenv("TEST_SOURCE_DSN")
    with pytest.raises(ConnectorError, match="set the environment variable"):
        pull(edu_home, read_connector(path))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("dsn_env: TEST_SOURCE_DSN", "dsn_env: host=x password=s3cret"), "name the environment variable"),
        (("dataset: class", "dataset: weather"), "has no contract"),
        (("class_code: bh, class_name", "nothing: bh, class_name"), "has no field nothing"),
        (("table: public.bj", "table: public.bj; drop table x"), "no name of a table"),
        (("xjh: xjh, ", ""), "no whole key"),
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
