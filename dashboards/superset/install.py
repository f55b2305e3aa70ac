"""Sets up Superset under `EDU_HOME/superset` (0700): key, passwords, bundles, its own database; and starts it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboards.superset.board import read_boards, read_metrics
from dashboards.superset.bundle import Connection, write_bundle
from edu.errors import EduError, ExitCode
from edu.paths import PRIVATE_DIR_MODE, Home

HERE = Path(__file__).parent
ADMIN = "admin"
HOST = "127.0.0.1"
PASSWORD_BYTES = 18
KEY_BYTES = 48
SETUP_SECONDS = 1_800


class SupersetError(EduError):
    """Superset could not be set up."""


class SupersetMissingError(EduError):
    """Superset's own environment is not there."""

    exit_code = ExitCode.USAGE

    def __init__(self, python: Path) -> None:
        super().__init__(f"Superset is not installed at {python}; run make bi.")


@dataclass(frozen=True)
class Installed:
    """What was set up."""

    roles: list[str]
    password_file: Path


def folder(home: Home) -> Path:
    """Return `EDU_HOME/superset`, made with mode 0700."""
    path = home.root / "superset"
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(PRIVATE_DIR_MODE)
    return path


def _write_private(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    aside.replace(path)


def environment(home: Home) -> dict[str, str]:
    """Return the environment of Superset's processes: its own configuration, nothing of the platform's settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME")}
    return kept | {
        "SUPERSET_HOME": str(folder(home)),
        "SUPERSET_CONFIG_PATH": str(HERE / "superset_config.py"),
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",
        "FLASK_APP": "superset.app:create_app()",
    }


def read_passwords(home: Home) -> dict[str, str]:
    """Return the passwords of Superset's users."""
    path = folder(home) / "passwords.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def _prepare(home: Home, users: Sequence[str]) -> dict[str, str]:
    """Make the key once, and a password for every user that has none."""
    key = folder(home) / "secret_key"
    if not key.exists():
        _write_private(key, secrets.token_urlsafe(KEY_BYTES) + "\n")
    passwords = read_passwords(home)
    passwords |= {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in users if name not in passwords}
    _write_private(folder(home) / "passwords.json", json.dumps(passwords, indent=1) + "\n")
    return passwords


def write_bundles(home: Home, connections: Sequence[Connection]) -> Mapping[str, Path]:
    """Write the bundle of each role below `superset/bundles/`; return where."""
    boards, metrics = read_boards(), read_metrics()
    root = folder(home) / "bundles"
    shutil.rmtree(root, ignore_errors=True)
    for connection in connections:
        for name, text in write_bundle(connection, boards, metrics).items():
            path = root / connection.role / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return {connection.role: root / connection.role for connection in connections}


def set_up(home: Home, venv: Path, connections: Sequence[Connection]) -> Installed:
    """Bring Superset to the boards and the roles as they are now. Repeatable.

    Raises:
        SupersetMissingError: its environment is not installed.
        SupersetError: it refused; what it said is in `superset/setup.log`.
    """
    python = _python(venv)
    passwords = _prepare(home, [ADMIN, *(connection.role for connection in connections)])
    bundles = write_bundles(home, connections)
    users = [{"name": ADMIN, "password": passwords[ADMIN], "role": None, "is_sql_lab": True}] + [
        {
            "name": connection.role,
            "password": passwords[connection.role],
            "role": connection.role,
            "is_sql_lab": connection.group != "public",
        }
        for connection in connections
    ]
    plan = folder(home) / "plan.json"
    _write_private(plan, json.dumps({"bundles": {role: str(p) for role, p in bundles.items()}, "users": users}))
    log = folder(home) / "setup.log"
    try:
        with log.open("w", encoding="utf-8") as stream:
            subprocess.run(
                [str(python), str(HERE / "provision.py"), str(plan)],
                env=environment(home),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=folder(home),
                check=True,
                timeout=SETUP_SECONDS,
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise SupersetError(f"Superset could not be set up; see {log}.") from None
    finally:
        plan.unlink(missing_ok=True)
    return Installed([connection.role for connection in connections], folder(home) / "passwords.json")


def serve_command(venv: Path, port: int) -> list[str]:
    """Return the command that serves Superset on this machine.

    Raises:
        SupersetMissingError: its environment is not installed.
    """
    return [
        *(str(_python(venv)), "-m", "gunicorn", "--bind", f"{HOST}:{port}", "--workers", "2"),
        *("--worker-class", "gthread", "--threads", "8", "--timeout", "120", "superset.app:create_app()"),
    ]


def _python(venv: Path) -> Path:
    python = venv / "bin" / "python"
    if not (venv / "bin" / "superset").exists():
        raise SupersetMissingError(python)
    return python
