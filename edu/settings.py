"""One place for settings: environment variables with the prefix `EDU_`, nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

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
    workers: int = 2
    """Processes that hash identifiers and read workbooks."""
    audit_head_dir: Path | None = None
    """Folder to which the head of the audit log is exported, best on another machine; default `<home>/logs/audit-head`."""


@cache
def get_settings() -> Settings:
    """Return the settings of this process; `get_settings.cache_clear()` reads the environment again."""
    return Settings()
