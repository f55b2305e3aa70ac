"""The vault: encrypted DuckDB files that map pseudonyms to identifiers and rows to names.

Each landing writes a segment of its own, so that landings run in parallel; one task merges them into `vault.duckdb`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from edu.duck import connect
from edu.errors import EduError
from edu.paths import Home
from edu.pseudonym import PlatformKey

VAULT_FILE = "vault.duckdb"
SEGMENT_TABLES = ("identifier", "person_row")
TABLES = """
create table if not exists {db}.identifier (
    pseudonym varchar not null, namespace varchar not null, value varchar not null
);
create table if not exists {db}.person_row (
    submission_id varchar not null, sheet varchar, row_number integer not null,
    field varchar not null, value varchar not null
);
"""
MERGED_TABLE = "create table if not exists {db}.merged_segment (batch_id varchar not null)"


class VaultError(EduError):
    """A vault file cannot be opened or read with this installation's key."""

    def __init__(self, path: Path, kind: str) -> None:
        back = "Restore it from a backup" if path.name == VAULT_FILE else "Run edu replay --mend, which writes it again"
        super().__init__(
            f"vault file {path.name} cannot be opened or read ({kind}). Make sure that the key file is the right one. {back}."
        )


class VaultBusyError(EduError):
    """Another process is writing the vault."""

    def __init__(self) -> None:
        super().__init__("the vault is being written by another process. Wait for its end and try again.")


@dataclass(frozen=True)
class MergeResult:
    """What a merge took in."""

    path: Path
    segments: int
    identifiers: int
    person_rows: int


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


def vault_path(home: Home) -> Path:
    """Return where the merged vault is."""
    return home.vault / VAULT_FILE


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


def _read_through(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every value of the attached segment."""
    for table in SEGMENT_TABLES:
        connection.execute(f"select bit_xor(hash(each)) from segment.{table} as each").fetchone()


def is_segment_readable(home: Home, key: PlatformKey, batch_id: str) -> bool:
    """Return whether the segment of a batch, which is there, opens and reads to its end."""
    try:
        with open_segment(home, key, batch_id) as connection:
            _read_through(connection)
    except (VaultError, duckdb.Error):
        return False
    return True


def merged_batches(home: Home, key: PlatformKey) -> set[str]:
    """Return the batches whose segments the vault took in.

    Raises:
        VaultError: the vault cannot be opened with this key.
    """
    if not vault_path(home).exists():
        return set()
    with connect(extensions=("httpfs",)) as connection:
        _attach(connection, vault_path(home), key, "vault", "read_only")
        return {row[0] for row in connection.execute("select distinct batch_id from vault.merged_segment").fetchall()}


@contextmanager
def _lock(home: Home, kind: int) -> Iterator[None]:
    """Hold the vault: readers share it, a writer has it alone.

    Raises:
        VaultBusyError: somebody else has it.
    """
    home.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home.vault / ".vault.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VaultBusyError from None
        yield
    finally:
        os.close(handle)


@contextmanager
def standing(home: Home) -> Iterator[None]:
    """Hold the vault's files as they are, so that they can be copied; landings go on writing new segments.

    Raises:
        VaultBusyError: it is being merged.
    """
    with _lock(home, fcntl.LOCK_SH):
        yield


@contextmanager
def reading(home: Home, key: PlatformKey) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with temporary views `identifier` and `person_row` over the vault and what is not merged yet.

    A row that is both in the vault and in a segment stands once. The vault is closed at the end.

    Raises:
        VaultBusyError: it is being merged.
        VaultError: a file cannot be opened with this key.
    """
    with _lock(home, fcntl.LOCK_SH), connect(extensions=("httpfs",)) as connection:
        names = []
        if vault_path(home).exists():
            _attach(connection, vault_path(home), key, "vault", "read_only")
            names.append("vault")
        for number, segment in enumerate(sorted((home.vault / "segments").glob("*.duckdb"))):
            _attach(connection, segment, key, f"segment_{number}", "read_only")
            names.append(f"segment_{number}")
        for schema in ("empty",):
            connection.execute(f"create schema {schema}")
            connection.execute(TABLES.format(db=schema))
        for table in SEGMENT_TABLES:
            parts = " union ".join(f"select * from {name}.{table}" for name in ("empty", *names))
            connection.execute(f"create temp view {table} as {parts}")
        yield connection


@contextmanager
def writing(home: Home, key: PlatformKey) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the vault attached for writing as `vault`; it exists afterwards, mode 0600.

    Raises:
        VaultBusyError: another process reads or writes it.
    """
    final = vault_path(home)
    with _lock(home, fcntl.LOCK_EX), connect(extensions=("httpfs",)) as connection:
        if not final.exists():
            # Made aside and renamed, so that a kill never leaves half a file under the vault's name.
            aside = final.with_name(f".{final.name}.part")
            aside.unlink(missing_ok=True)
            _attach(connection, aside, key, "fresh", "read_write")
            connection.execute(TABLES.format(db="fresh") + MERGED_TABLE.format(db="fresh"))
            connection.execute("detach fresh")
            aside.chmod(0o600)
            aside.replace(final)
        _attach(connection, final, key, "vault", "read_write")
        connection.execute(TABLES.format(db="vault") + MERGED_TABLE.format(db="vault"))
        yield connection
        connection.execute("checkpoint vault")
        connection.execute("detach vault")


def merge_segments(home: Home, key: PlatformKey) -> MergeResult:
    """Merge all segments into `vault.duckdb`, one transaction each, then remove them; doing it twice changes nothing.

    A merge that is killed leaves a vault that opens with all segments committed so far; the next one goes on, because
    a segment is removed only after everything was committed and written down.

    Raises:
        VaultError: a segment cannot be read. It and all others stay, and the vault opens as before.
        VaultBusyError: another process reads or writes the vault.
    """
    segments = sorted((home.vault / "segments").glob("*.duckdb"))
    identifiers = rows = 0
    with writing(home, key) as connection:
        for segment in segments:
            _attach(connection, segment, key, "segment", "read_only")
            try:
                added, people = _take_in(connection, segment)
            except duckdb.Error as error:
                connection.execute("rollback")
                try:
                    _read_through(connection)
                except duckdb.Error:
                    raise VaultError(segment, type(error).__name__) from None
                raise
            connection.execute("detach segment")
            identifiers += added
            rows += people
    for segment in segments:
        segment.unlink()
    return MergeResult(vault_path(home), len(segments), identifiers, rows)


def _take_in(connection: duckdb.DuckDBPyConnection, segment: Path) -> tuple[int, int]:
    """Take the attached segment into the attached vault in one transaction; return new identifiers and rows."""
    connection.execute("begin")
    added = connection.execute(
        "insert into vault.identifier select distinct pseudonym, namespace, value from segment.identifier as s "
        "where not exists (select 1 from vault.identifier as v where v.pseudonym = s.pseudonym "
        "and v.namespace = s.namespace and v.value = s.value)"
    ).fetchone()
    # A batch that landed again after a crash brings the same submissions: its rows replace the earlier ones.
    connection.execute(
        "delete from vault.person_row where submission_id in (select submission_id from segment.person_row)"
    )
    people = connection.execute("insert into vault.person_row select distinct * from segment.person_row").fetchone()
    connection.execute("insert into vault.merged_segment values (?)", [segment.stem])
    connection.execute("commit")
    return (added[0] if added else 0), (people[0] if people else 0)
