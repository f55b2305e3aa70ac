"""Publication: versions, no-op, rollback, readers; digest and query on small hand-made warehouses."""

from __future__ import annotations

import io
import json
import stat
import threading
from pathlib import Path

import duckdb
import pytest

from edu.errors import WarehouseError
from edu.paths import Home
from warehouse import query as asking
from warehouse.digest import digest
from warehouse.publish import UnknownVersionError, current_version, publish, read_changelog, rollback
from warehouse.query import QueryError, run_query, write

CATALOG = "schema_name, table_name, column_name, position, label_zh, description, level, is_volatile, is_pseudonym"


def make(home: Home, rows: str, *, more: str = "", batch: str = "b1", order: str = "asc") -> None:
    """Write a warehouse with one served table, one of persons, and their catalog."""
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        for schema in ("query", "visualization", "management"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            f"create table query.school as select * from (values {rows}) as v(school_id, pupils{more}) order by 1 {order}"
        )
        connection.execute("comment on table query.school is 'One school.'")
        connection.execute("comment on column query.school.pupils is '学生数 | Pupils.'")
        connection.execute(f"create table query.student as select 'k' as person_id, '{batch}' as batch_id, 1 as n")
        columns = [("query", "school", "school_id", "L2"), ("query", "school", "pupils", "L2")]
        if more:
            columns.append(("query", "school", more.strip(", "), "L2"))
        columns += [("query", "student", name, "L3") for name in ("person_id", "batch_id", "n")]
        connection.execute(
            f"create table management.column_catalog ({', '.join(c + ' varchar' for c in CATALOG.split(', '))})"
        )
        for i, (schema, table, column, level) in enumerate(columns):
            connection.execute(
                "insert into management.column_catalog values (?, ?, ?, ?, '标签', 'text', ?, ?, ?)",
                [schema, table, column, i, level, column == "batch_id", column == "person_id"],
            )
        connection.execute("alter table management.column_catalog alter is_volatile type boolean")
        connection.execute("alter table management.column_catalog alter is_pseudonym type boolean")


def test_versions_follow_what_changed(edu_home: Home) -> None:
    make(edu_home, "('S1', 10), ('S2', 20)")
    assert (publish(edu_home).version, publish(edu_home).kind) == ("1.0.0", "unchanged")
    make(edu_home, "('S1', 11), ('S2', 20)")
    assert publish(edu_home).version == "1.0.1"
    make(edu_home, "('S1', 11), ('S2', 20), ('S3', 5)")
    assert publish(edu_home).version == "1.1.0"
    make(edu_home, "('S1', 11, true), ('S2', 20, true), ('S3', 5, true)", more=", is_private")
    assert publish(edu_home).version == "1.2.0"
    make(edu_home, "('S1', 11), ('S2', 20), ('S3', 5)")
    assert publish(edu_home).version == "2.0.0"
    assert [entry["kind"] for entry in read_changelog(edu_home)] == ["first", "patch", "minor", "minor", "major"]
    assert read_changelog(edu_home)[-1]["changes"] == ["removed column query.school.is_private"]


def test_persons_are_not_served(edu_home: Home) -> None:
    make(edu_home, "('S1', 10)")
    path = publish(edu_home).path
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'query'").fetchall()
        comment = connection.execute("select comment from duckdb_columns() where column_name = 'pupils'").fetchone()
    assert tables == [("school",)]
    assert comment == ("学生数 | Pupils.",)
    assert stat.S_IMODE(path.resolve().stat().st_mode) == 0o444


def test_rollback_serves_an_earlier_version(edu_home: Home) -> None:
    make(edu_home, "('S1', 10)")
    publish(edu_home, site_writer=lambda _, out: (out.mkdir(), (out / "index.html").write_text("one"))[0])
    make(edu_home, "('S1', 11)")
    publish(edu_home, site_writer=lambda _, out: (out.mkdir(), (out / "index.html").write_text("two"))[0])
    rollback(edu_home, "1.0.0")
    assert current_version(edu_home) == "1.0.0"
    assert run_query(edu_home, "select pupils from query.school").to_pylist() == [{"pupils": 10}]
    assert (edu_home.published / "site" / "index.html").read_text() == "one"
    with pytest.raises(UnknownVersionError, match=r"1\.0\.1"):
        rollback(edu_home, "9.9.9")


def test_nothing_built_is_said(edu_home: Home) -> None:
    with pytest.raises(WarehouseError, match="edu build"):
        publish(edu_home)
    with pytest.raises(WarehouseError, match="edu publish"):
        run_query(edu_home, "select 1")


def test_readers_never_fail_while_versions_are_published(edu_home: Home) -> None:
    make(edu_home, "('S1', 0)")
    publish(edu_home)
    failures: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                run_query(edu_home, "select sum(pupils) from query.school")
            except Exception as error:  # any failure of a reader is what is looked for
                failures.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 6):
        make(edu_home, f"('S1', {number})")
        publish(edu_home)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []


def test_the_digest_is_of_the_content(edu_home: Home) -> None:
    make(edu_home, "('S1', 10), ('S2', 20)")
    first = digest(edu_home.warehouse)
    make(edu_home, "('S1', 10), ('S2', 20)", order="desc", batch="b2")
    assert digest(edu_home.warehouse) == first
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        connection.execute("update query.student set person_id = 'other'")
    assert digest(edu_home.warehouse) == first
    assert digest(edu_home.warehouse, with_pseudonyms=True) != first
    make(edu_home, "('S1', 10), ('S2', 21)")
    assert digest(edu_home.warehouse) != first


def test_values_cannot_run_into_each_other(edu_home: Home) -> None:
    make(edu_home, "('S1|1', '0')")
    first = digest(edu_home.warehouse)
    make(edu_home, "('S1', '1|0')")
    assert digest(edu_home.warehouse) != first


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/hostname')",
        "attach '/tmp/x.duckdb' as x",
        "copy query.school to '/tmp/x.csv'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "pragma enable_profiling",
        "create table x as select 1",
        "select 1; select 2",
        "not sql at all",
        "",
        "select * from glob('/tmp/*')",
        "call pragma_version()",
    ],
)
def test_queries_stay_inside(edu_home: Home, sql: str) -> None:
    make(edu_home, "('S1', 10)")
    publish(edu_home)
    with pytest.raises(QueryError):
        run_query(edu_home, sql)


def test_answers_in_every_form(edu_home: Home) -> None:
    make(edu_home, "('=1+1', 10), ('S2', null)")
    publish(edu_home)
    answer = run_query(edu_home, "select * from query.school order by 1")
    out = io.BytesIO()
    write(answer, "csv", out)
    assert out.getvalue().decode() == "school_id,pupils\n'=1+1,10\nS2,\n"
    out = io.BytesIO()
    write(answer, "json", out)
    assert json.loads(out.getvalue()) == [{"school_id": "=1+1", "pupils": 10}, {"school_id": "S2", "pupils": None}]
    out = io.BytesIO()
    write(answer, "parquet", out)
    assert out.getvalue().startswith(b"PAR1")
    with pytest.raises(QueryError):
        write(answer, "xml", io.BytesIO())


def test_a_python_variable_is_no_table(edu_home: Home) -> None:
    make(edu_home, "('S1', 10)")
    publish(edu_home)
    secret = run_query(edu_home, "select 1 as n")
    assert secret.num_rows == 1
    with pytest.raises(QueryError):
        run_query(edu_home, "select * from secret")
    assert asking.published_path(edu_home) == Path(edu_home.published / "edu_1.0.0.duckdb").resolve()
