"""PostgreSQL serving: the published version and the person views, row by row to whom they may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edu.paths import Home
from edu.settings import get_settings
from warehouse.serving.load import Loaded, load_postgres
from warehouse.serving.roles import ensure_first_passwords, password_path
from warehouse.serving.server import Embedded, NotServingError, ServingError, target_of


@dataclass(frozen=True)
class Served:
    """What is served now."""

    loaded: Loaded
    place: str
    password_file: Path
    new_passwords: list[str]


def serve_postgres(home: Home) -> Served:
    """Start the server where it is embedded, load what is published, give first passwords. Repeatable.

    Raises:
        WarehouseError: nothing is published, or the warehouse is newer than what is published.
        ServingError: PostgreSQL cannot be started, or it refused; what was served before is still served.
    """
    target = target_of(home, start=True)
    loaded = load_postgres(home, target)
    return Served(loaded, target.place, password_path(home), ensure_first_passwords(home, target))


def is_configured() -> bool:
    """Whether publication is followed by a load of PostgreSQL."""
    settings = get_settings()
    return settings.serving or settings.postgres_dsn is not None


def refresh(home: Home) -> Served | None:
    """Load PostgreSQL after a publication where that is set up, or where an embedded server of this installation runs."""
    if is_configured() or Embedded(home).is_running():
        return serve_postgres(home)
    return None


def status(home: Home) -> dict[str, Any]:
    """Return place, whether it is embedded and running, version and load time."""
    import psycopg

    is_embedded = get_settings().postgres_dsn is None
    found: dict[str, Any] = {"is_embedded": is_embedded, "is_running": False, "place": None, "version": None}
    try:
        target = target_of(home)
    except NotServingError:
        return found
    found["place"] = target.place
    try:
        with psycopg.connect(target.dsn) as connection:
            found["is_running"] = True
            if connection.execute("select to_regclass('serving.version')").fetchone() != (None,):
                row = connection.execute("select version, tables, row_count, loaded_at from serving.version").fetchone()
                if row:
                    found |= {"version": row[0], "tables": row[1], "rows": row[2], "loaded_at": row[3].isoformat()}
    except psycopg.Error as error:
        raise ServingError(f"PostgreSQL at {target.place} cannot be reached ({type(error).__name__}).") from None
    return found


__all__ = ["Loaded", "Served", "is_configured", "refresh", "serve_postgres", "status"]
