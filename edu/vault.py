"""The vault: encrypted DuckDB files that map pseudonyms to identifiers and rows to names.

Each landing writes a segment of its own, so that landings run in parallel; one task merges them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from edu.duck import connect
from edu.errors import EduError
from edu.paths import Home
from edu.pseudonym import PlatformKey

VAULT_FILE = "vault.duckdb"
TABLES = """
create table if not exists {db}.identifier (
    pseudonym varchar not null, namespace varchar not null, value varchar not null
);
create table if not exists {db}.person_row (
    submission_id varchar not null, sheet varchar, row_number integer not null,
    field varchar not null, value varchar not null
);
"""


class VaultError(EduError):
    """A vault file cannot be opened with this installation's key."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(f"vault file {path.name} cannot be opened ({kind}); is the key file the right one?")


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, key: PlatformKey, alias: str, mode: str) -> None:
    secret = key.derive("vault").hex()
    try:
        connection.execute(f"attach '{path}' as {alias} (encryption_key '{secret}', encryption_cipher 'GCM', {mode})")
    except duckdb.Error as error:
        # The statement holds the key, so neither it nor the chained error may be shown.
        raise VaultError(path, type(error).__name__) from None


def segment_path(home: Home, batch_id: str) -> Path:
    """Return where the segment of a batch is."""
    return home.vault / "segments" / f"{batch_id}.duckdb"


def write_segment(
    home: Home,
    key: PlatformKey,
    batch_id: str,
    connection: duckdb.DuckDBPyConnection,
    identifiers_sql: str,
    people_sql: str,
) -> Path:
    """Write one batch's segment from two SELECTs that run on `connection` (httpfs loaded).

    `identifiers_sql` gives (pseudonym, namespace, value), `people_sql` gives (submission_id, sheet, row_number,
    field, value). The file appears whole or not at all, mode 0600.
    """
    final = segment_path(home, batch_id)
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = final.with_name(f".{final.name}.part")
    aside.unlink(missing_ok=True)
    _attach(connection, aside, key, "segment", "read_write")
    try:
        connection.execute(TABLES.format(db="segment"))
        connection.execute(f"insert into segment.identifier {identifiers_sql}")
        connection.execute(f"insert into segment.person_row {people_sql}")
    finally:
        connection.execute("detach segment")
    aside.chmod(0o600)
    aside.replace(final)
    return final


def open_segment(home: Home, key: PlatformKey, batch_id: str) -> duckdb.DuckDBPyConnection:
    """Return a connection with the segment of a batch attached read-only as `segment`."""
    connection = connect(extensions=("httpfs",))
    _attach(connection, segment_path(home, batch_id), key, "segment", "read_only")
    return connection


def merge_segments(home: Home, key: PlatformKey) -> Path:
    """Merge all segments into `vault.duckdb` and remove them; doing it twice changes nothing."""
    final = home.vault / VAULT_FILE
    segments = sorted((home.vault / "segments").glob("*.duckdb"))
    connection = connect(extensions=("httpfs",))
    try:
        _attach(connection, final, key, "vault", "read_write")
        connection.execute(TABLES.format(db="vault"))
        for segment in segments:
            _attach(connection, segment, key, "segment", "read_only")
            connection.execute("begin")
            for table in ("identifier", "person_row"):
                connection.execute(
                    f"insert into vault.{table} select * from segment.{table} except select * from vault.{table}"
                )
            connection.execute("commit")
            connection.execute("detach segment")
    finally:
        connection.close()
    final.chmod(0o600)
    for segment in segments:
        segment.unlink()
    return final
