"""Loading again while others read, and the clients that read: psql, psycopg, SQLAlchemy, ADBC."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable

import adbc_driver_postgresql.dbapi
import psycopg
import pytest
import sqlalchemy
from small_city import make

from edu.paths import Home, get_home
from edu.settings import get_settings
from warehouse.serving import serve_postgres, status
from warehouse.serving.roles import password_path, read_password
from warehouse.serving.server import Embedded, target_of

Connect = Callable[[str], psycopg.Connection]
READERS = 10
SWITCHES = 4


def test_no_read_fails_while_versions_are_switched(home: Home, connect: Connect) -> None:
    failures: list[str] = []
    reads = [0] * READERS
    stop = threading.Event()

    def read(number: int) -> None:
        role = ("county_analyst_421002", "bureau_analyst")[number % 2]
        schools = 2 if number % 2 == 0 else 5
        try:
            with connect(role) as connection:
                while not stop.is_set():
                    rows = connection.execute("select school_id, pupils % 10 from query.school").fetchall()
                    # All rows of one version, never a mixture, never an empty table.
                    if len(rows) != 2 * schools or len({rest for _, rest in rows}) != 1:
                        failures.append(f"{len(rows)} rows")
                    reads[number] += 1
        except Exception as error:  # any failure of a reader is what is looked for
            failures.append(repr(error))

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    for extra in range(1, SWITCHES + 1):
        make(home, extra=extra)
        assert serve_postgres(home).loaded.is_new
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert min(reads) > SWITCHES


def test_a_snapshot_from_before_the_switch_finds_rows(home: Home, connect: Connect) -> None:
    with connect("bureau_analyst") as connection:
        connection.execute("begin isolation level repeatable read")
        connection.execute("select version from serving.about")
        make(home, extra=7)
        serve_postgres(home)
        assert connection.execute("select count(*) from query.school").fetchone() == (10,)
        connection.execute("commit")


def test_a_version_that_is_still_read_is_dropped_later(home: Home, connect: Connect) -> None:
    admin = psycopg.connect(target_of(home).dsn, autocommit=True)
    old = "select count(*) from pg_namespace where nspname ~ '^(query|visualization)_v'"
    with connect("bureau_analyst") as connection:
        connection.execute("begin")
        connection.execute("select count(*) from query.school")
        make(home, extra=8)
        started = time.monotonic()
        serve_postgres(home)
        assert time.monotonic() - started < 60
        assert admin.execute(old).fetchone() == (1,)
        connection.execute("commit")
    make(home, extra=9)
    serve_postgres(home)
    assert admin.execute(old).fetchone() == (0,)
    admin.close()


def test_a_failed_load_leaves_what_was_served(home: Home, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse.serving import load

    with connect("bureau_analyst") as connection:
        before = connection.execute("select sum(pupils) from query.school").fetchone()
        make(home, extra=5)
        monkeypatch.setattr(load, "_write_catalog", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            serve_postgres(home)
        assert connection.execute("select sum(pupils) from query.school").fetchone() == before


def test_nobody_holds_a_load_up(home: Home, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever locks a reader may take, also on a server where no administrator took the functions from him."""
    with psycopg.connect(target_of(home).dsn, autocommit=True) as admin, connect("public_reader") as reader:
        admin.execute("select pg_advisory_lock_shared(421000)")
        reader.execute("begin")
        reader.execute("select * from serving.about")
        reader.execute("lock table visualization.pupils in access share mode")
        monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=5s")
        make(home, extra=12)
        assert serve_postgres(home).loaded.is_new
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("lock table serving.version in row exclusive mode")


def test_clients_connect_and_see_their_rows(home: Home) -> None:
    role, query = "county_analyst_421003", "select count(*) from query.student"
    target = target_of(home)
    host, port, name = (target.parameters[key] for key in ("host", "port", "dbname"))
    password = read_password(home, target, role)
    url = f"postgresql://{role}:{password}@{host}:{port}/{name}"
    psql = Embedded(home)._binaries() / "psql"
    environment = {**os.environ, "PGPASSFILE": str(password_path(home))}
    shown = subprocess.run(
        [psql, "-h", host, "-p", port, "-U", role, "-d", name, "-w", "-At", "-c", query],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "30"
    with psycopg.connect(url) as connection:
        assert connection.execute(query).fetchone() == (30,)
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text(query)).scalar_one() == 30
        columns = sqlalchemy.inspect(engine).get_columns("school", schema="query")
    engine.dispose()
    assert [(column["name"], column["comment"]) for column in columns][:1] == [
        ("school_id", "名称school_id | The school_id.")
    ]
    with adbc_driver_postgresql.dbapi.connect(url) as adbc, adbc.cursor() as cursor:
        cursor.execute("select school_id, age from query.student")
        assert cursor.fetch_arrow_table().num_rows == 30


def test_the_bureaus_own_server(
    home: Home, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that a role without superuser rights owns, on a server that this installation does not run."""
    own_home = tmp_path_factory.mktemp("bureau")
    monkeypatch.setenv("EDU_HOME", str(own_home))
    get_settings.cache_clear()
    server = Embedded(get_home().ensure())
    admin = server.start()
    try:
        with psycopg.connect(admin.dsn, autocommit=True) as connection:
            connection.execute("create role loader login createrole password 'only-for-this-test'")
            connection.execute("create database bureau owner loader")
        host, port = admin.parameters["host"], admin.parameters["port"]
        dsn = f"postgresql://loader:only-for-this-test@{host}:{port}/bureau"
        monkeypatch.setenv("EDU_HOME", str(home.root))
        monkeypatch.setenv("EDU_POSTGRES_DSN", dsn)
        get_settings.cache_clear()
        done = serve_postgres(home)
        assert done.place == f"{host}:{port}/bureau"
        assert serve_postgres(home).loaded.is_new is False
        assert status(home)["is_embedded"] is False
        password = read_password(home, target_of(home), "county_analyst_421003")
        known = {"host": host, "port": port, "dbname": "bureau", "user": "county_analyst_421003"}
        with psycopg.connect("", password=password, **known) as connection:
            assert connection.execute("select count(*) from query.student").fetchone() == (30,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select * from query.unowned")
    finally:
        get_settings.cache_clear()
        server.stop()
        get_settings.cache_clear()
