"""The environment in which Airflow runs for one installation: its own home, database, secrets and logs."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from edu.paths import Home
from edu.settings import PROJECT_ROOT

POOL = ("warehouse", "1", "one DuckDB writer at a time")
HOST, PORT = "127.0.0.1", "8080"
KEY_BYTES = 32


def _secrets(home: Home) -> dict[str, str]:
    """Return keys that are made once and kept, mode 0600."""
    path = home.airflow / "secrets.json"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        content = {
            "fernet": urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
            "jwt": secrets.token_hex(KEY_BYTES),
            "api": secrets.token_hex(KEY_BYTES),
        }
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            json.dump(content, stream)
    found: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    return found


def airflow_environment(home: Home) -> dict[str, str]:
    """Return the variables that Airflow and its tasks need; nothing of it is downloaded or reported."""
    home.ensure()
    keys = _secrets(home)
    return {
        "EDU_HOME": str(home.root),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__API__SECRET_KEY": keys["api"],
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": PORT,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database_path(home)}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs / "airflow"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def database_path(home: Home) -> Path:
    """Return the file of Airflow's own database."""
    return home.airflow / "airflow.db"


def airflow_command(home: Home, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command of Airflow in the installation's environment; its output goes to a log file."""
    log = home.logs / "airflow-cli.log"
    with log.open("ab") as stream:
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env={**os.environ, **airflow_environment(home)},
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=True,
        )


def ensure_airflow(home: Home) -> bool:
    """Make Airflow's database and the pool if they are not there; return whether they were made."""
    done = home.airflow / ".ready"
    if done.exists() and database_path(home).exists():
        return False
    airflow_command(home, "db", "migrate")
    airflow_command(home, "pools", "set", *POOL)
    done.touch()
    return True
