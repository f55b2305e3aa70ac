"""One place for settings: environment variables with the prefix `EDU_`, nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where state lives and how much of the machine may be used."""

    model_config = SettingsConfigDict(env_prefix="EDU_", extra="ignore")

    home: Path = PROJECT_ROOT / ".edu"
    """Folder of all state: inbox, archive, lake, runs, vault, warehouse, published versions."""
    key_file: Path | None = None
    """File of the platform key (32 random bytes); default `<home>/vault/platform.key`."""
    threads: int = 2
    """Threads of one DuckDB connection."""
    memory_limit: str = "2GB"
    """Memory of one DuckDB connection; beyond it DuckDB spills to `<home>/tmp`."""
    landing_memory_limit: str = "400MB"
    """The same of the connection that lands files: a landing has a gigabyte in all, whatever the size of the file."""
    settle_seconds: float = 1.0
    """A file dropped into the inbox counts once its size and time have stood still for so long."""
    done_suffix: str | None = None
    """Where set (`.done`), a dropped file counts only once `<file><suffix>` lies beside it."""
    left_after_minutes: float = 60.0
    """How old an upload that never completed must be before it is reported as left."""
    audit_head_dir: Path | None = None
    """Folder to which the head of the audit log is exported, best on another machine; default `<home>/logs/audit-head`."""
    backup_dir: Path | None = None
    """Folder of backups, best on another machine; null makes none at night."""
    backup_keep: int = Field(default=14, ge=1)
    """How many of the newest backups are kept, however old they are."""
    backup_keep_days: int = Field(default=30, ge=0)
    """Backups younger than so many days are kept too."""
    openlineage_url: str | None = None
    """Endpoint that takes OpenLineage events; null writes them to a file."""
    openlineage_file: Path | None = None
    """File of OpenLineage events; default `<home>/logs/openlineage.jsonl`."""
    alert_file: Path | None = None
    """File of alerts; default `<home>/logs/alerts.jsonl`."""
    alert_webhook_url: str | None = None
    """Address of a group robot; null sends none."""
    alert_webhook_form: Literal["wecom", "dingtalk", "plain"] = "wecom"
    """企业微信, 钉钉, or plain JSON."""
    alert_webhook_secret: str | None = None
    """Secret of a 钉钉 robot that checks signatures."""
    smtp_host: str | None = None
    """Mail server; null sends no mail."""
    smtp_port: int = 25
    smtp_starttls: bool = False
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    """File that holds the password."""
    smtp_from: str = "edu-platform@localhost"
    smtp_to: str | None = None
    """Receivers, separated by commas."""
    postgres_dsn: SecretStr | None = None
    """The bureau's own PostgreSQL to serve from; without it `edu serve postgres` runs an embedded one."""
    serving: bool = False
    """Whether `publish_marts` loads PostgreSQL after it published; always so where `EDU_POSTGRES_DSN` is set."""
    bi_venv: Path = PROJECT_ROOT / ".venv-bi"
    """The environment of Superset, which `make bi` makes."""


@cache
def get_settings() -> Settings:
    """Return the settings of this process; `get_settings.cache_clear()` reads the environment again."""
    return Settings()
