"""Throw-away databases for tests: PostgreSQL of the pgserver wheel, MariaDB of the system; each a folder and a socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOBODY = 65534


@dataclass(frozen=True)
class Database:
    """A running server."""

    type: str
    dsn: str
    execute: Callable[[str], Any]


def _unprivileged() -> dict[str, Any]:
    """Both servers refuse to run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def _folder() -> Iterator[Path]:
    # A socket's path is short, and the server's user must be able to get there.
    folder = Path(tempfile.mkdtemp(prefix="edu-db-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd="/", **more)


@contextmanager
def postgres() -> Iterator[Database]:
    """Start PostgreSQL; stop and remove it after."""
    import psycopg
    from pgserver._commands import POSTGRES_BIN_PATH

    with _folder() as folder:
        data = folder / "data"
        as_user = _unprivileged()
        _run(
            [f"{POSTGRES_BIN_PATH}/initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--locale=C.UTF-8"],
            **as_user,
        )
        options = f"-k {folder} -h '' -c fsync=off"
        control = [f"{POSTGRES_BIN_PATH}/pg_ctl", "-D", str(data), "-w"]
        _run([*control, "-o", options, "-l", str(folder / "log"), "start"], **as_user)
        try:
            dsn = f"host={folder} user=postgres dbname=postgres"

            def execute(sql: str) -> Any:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    connection.execute(sql)

            yield Database("postgres", dsn, execute)
        finally:
            _run([*control, "-m", "immediate", "stop"], **as_user)


@contextmanager
def mariadb() -> Iterator[Database]:
    """Start MariaDB; stop and remove it after."""
    with _folder() as folder:
        data, socket = folder / "data", folder / "s"
        as_user = _unprivileged()
        _run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            env={**os.environ, "TMPDIR": str(folder)}, **as_user,
        )  # fmt: skip
        server = subprocess.Popen(
            ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
             f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0", f"--tmpdir={folder}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **as_user,
        )  # fmt: skip
        client = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "--default-character-set=utf8mb4"]

        def execute(sql: str) -> Any:
            _run([*client, "-e", f"create database if not exists school character set utf8mb4; use school; {sql}"])

        try:
            for _ in range(240):
                if subprocess.run([*client, "-e", "select 1"], capture_output=True, check=False).returncode == 0:
                    break
                time.sleep(0.25)
            execute("select 1")
            yield Database("mysql", f"host=localhost user=root socket={socket} database=school", execute)
        finally:
            server.terminate()
            server.wait(60)
