"""The PostgreSQL that is served from: the bureau's own by `EDU_POSTGRES_DSN`, else an embedded one.

The embedded server is made of the binaries of the `pgserver` wheel, listens on this machine only, and wants a SCRAM
password from everybody. Under `serving/` (mode 0700) lie its address and its passwords; its data lie there too, except
where PostgreSQL has to run as another user than root and that user cannot reach the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import conninfo

from edu.errors import EduError, ExitCode
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.settings import get_settings

ADMIN = "edu_admin"
DATABASE = "edu"
HOST = "127.0.0.1"
ROOT_STATE = Path("/var/lib/edu-serving")
"""Where an embedded server's data lie when root starts it and its user cannot reach `EDU_HOME`."""
SERVICE_USERS = ("postgres", "nobody")
START_SECONDS = 60
PASSWORD_BYTES = 24
CONFIGURATION = {
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "120",
    "shared_buffers": "'128MB'",
    "work_mem": "'32MB'",
    "max_wal_size": "'2GB'",
    "timezone": "'Asia/Shanghai'",
    # A statement may quote a value, and so may the detail of an error; neither goes to the log.
    "log_statement": "'none'",
    "log_min_error_statement": "'panic'",
    "log_error_verbosity": "'terse'",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
}


class ServingError(EduError):
    """PostgreSQL cannot be started, reached or loaded."""


class NotServingError(EduError):
    """No PostgreSQL is set up or running yet."""

    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__("PostgreSQL is not being served; run edu serve postgres first.")


@dataclass(frozen=True)
class Target:
    """A database that tables are loaded into, and whether this installation runs its server."""

    parameters: Mapping[str, str]
    is_embedded: bool

    @property
    def dsn(self) -> str:
        """Return the connection string of the loading role; it may hold a password, so it is never shown."""
        return conninfo.make_conninfo("", **dict(self.parameters))

    @property
    def place(self) -> str:
        """Return host, port and database, for messages."""
        known = self.parameters
        return f"{known.get('host', 'localhost')}:{known.get('port', '5432')}/{known.get('dbname', '')}"


def folder(home: Home) -> Path:
    """Return the folder of address and passwords, made with mode 0700."""
    path = home.root / "serving"
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(PRIVATE_DIR_MODE)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    aside.replace(path)


def _service_user() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL runs as when root starts it, else null; it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in SERVICE_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServingError(f"PostgreSQL does not run as root and none of {', '.join(SERVICE_USERS)} exists; add one.")


def _reaches(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether a user may pass through all folders above a path."""
    for parent in path.resolve().parents:
        if parent.exists() and not parent.stat().st_mode & 0o001 and parent.stat().st_uid != user.pw_uid:
            return False
    return True


class Embedded:
    """The embedded server of one installation."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.user = _service_user()
        self.state = folder(home) / "server.json"
        name = hashlib.sha256(str(home.root).encode()).hexdigest()[:16]
        # The folder `serving/` is closed to others, so a server of another user keeps its data elsewhere.
        self.base = folder(home) if self.user is None else ROOT_STATE / name
        self.data = self.base / "data"
        self.log = self.base / "postgres.log"

    def _binaries(self) -> Path:
        """Return where the server's programs are; copied where its user cannot reach them.

        Raises:
            ServingError: the wheel is not installed.
        """
        import importlib.util

        spec = importlib.util.find_spec("pgserver")
        if spec is None or spec.origin is None:
            raise ServingError("the wheel pgserver is not installed; install it or set EDU_POSTGRES_DSN.")
        installed = Path(spec.origin).parent / "pginstall"
        if self.user is None or _reaches(self.user, installed / "bin" / "postgres"):
            return installed / "bin"
        copy = self.base / "pginstall"
        if not (copy / "bin" / "postgres").exists():
            shutil.copytree(installed, copy, symlinks=True)
        return copy / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries() / program), *arguments]
        owner = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        with (self.base / "setup.log").open("ab") as log:
            try:
                subprocess.run(
                    command,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.base,
                    env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
                    timeout=START_SECONDS * 2,
                    **owner,  # type: ignore[call-overload]
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                raise ServingError(f"{program} of the embedded PostgreSQL failed; see {self.base}/setup.log.") from None

    def _make(self) -> None:
        """Make the cluster: checksummed pages, SCRAM for everybody, one administrator."""
        self.base.mkdir(parents=True, exist_ok=True)
        self.base.chmod(PRIVATE_DIR_MODE)
        if self.user:
            # Others may pass through the folder above; each installation's own folder is closed.
            ROOT_STATE.chmod(0o755)
            os.chown(self.base, self.user.pw_uid, self.user.pw_gid)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        password_file = self.base / ".initial"
        write_private(password_file, password + "\n")
        if self.user:
            os.chown(password_file, self.user.pw_uid, self.user.pw_gid)
        shutil.rmtree(self.data, ignore_errors=True)
        try:
            self._run(
                *("initdb", "--pgdata", str(self.data), "--username", ADMIN, "--pwfile", str(password_file)),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
                "--data-checksums",
            )
        finally:
            password_file.unlink(missing_ok=True)
        lines = [f"{name} = {value}" for name, value in CONFIGURATION.items()]
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
        write_private(self.state, json.dumps({"port": _free_port(), "password": password, "base": str(self.base)}))

    def _settings(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.state.read_text(encoding="utf-8"))
        return found

    def is_made(self) -> bool:
        """Whether the cluster exists."""
        return self.state.exists() and (self.data / "PG_VERSION").exists()

    def is_running(self) -> bool:
        """Whether the server of this installation accepts connections."""
        if not self.is_made() or not (self.data / "postmaster.pid").exists():
            return False
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, int(self._settings()["port"]))) == 0

    def start(self) -> Target:
        """Make the cluster where there is none, start it where it does not run, make the database."""
        import psycopg

        if not self.is_made():
            self._make()
        if not self.is_running():
            port = str(self._settings()["port"])
            options = f"-c listen_addresses={HOST} -c port={port}"
            self._run(
                *("pg_ctl", "start", "--pgdata", str(self.data), "--log", str(self.log)),
                *("--wait", "--timeout", str(START_SECONDS), "--options", options),
            )
        target = self.target()
        with psycopg.connect(target.dsn, dbname="postgres", autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"create database {DATABASE}")
        return target

    def stop(self) -> bool:
        """Stop the server; return whether it ran. Its data stay."""
        if not self.is_made() or not (self.data / "postmaster.pid").exists():
            return False
        self._run("pg_ctl", "stop", "--pgdata", str(self.data), "--mode", "fast", "--wait")
        return True

    def target(self) -> Target:
        """Return how the administrator connects.

        Raises:
            NotServingError: there is no cluster.
        """
        if not self.is_made():
            raise NotServingError
        known = self._settings()
        return Target(
            {
                "host": HOST,
                "port": str(known["port"]),
                "dbname": DATABASE,
                "user": ADMIN,
                "password": known["password"],
            },
            True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def target_of(home: Home, *, start: bool = False) -> Target:
    """Return the database that is served from, started if wanted.

    Raises:
        NotServingError: there is no embedded server, or it does not run and is not to be started.
        ServingError: `EDU_POSTGRES_DSN` cannot be read.
    """
    dsn = get_settings().postgres_dsn
    if dsn is not None:
        try:
            known = conninfo.conninfo_to_dict(dsn.get_secret_value())
        except Exception:
            raise ServingError("EDU_POSTGRES_DSN cannot be read; write postgresql://user:password@host/db.") from None
        return Target({name: str(value) for name, value in known.items() if value is not None}, False)
    embedded = Embedded(home)
    if start:
        return embedded.start()
    if not embedded.is_running():
        raise NotServingError
    return embedded.target()
