"""The vault: encrypted files that map pseudonyms to identifiers and rows to names.

Each landing writes a segment of its own, so that landings run in parallel; one task merges them into `vault.duckdb`. A
segment is an encrypted Parquet file with a row of the lake's in a row; segments of earlier versions are encrypted DuckDB
files, and are read, merged and mended as the others are.
"""

from __future__ import annotations

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from edu.duck import COMPRESSION, connect
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
PLACE = ("submission_id", "sheet", "row_number")
PERSON, PSEUDONYM, NAMESPACE, VALUE = "person_", "pseudonym_", "namespace_", "value_"
"""What the columns of a segment's file begin with, the name of a field after it: what a person's row says in it, and the
pseudonym, the namespace and the value of its identifier."""
SEGMENT_SUFFIX, EARLIER_SUFFIX = ".parquet", ".duckdb"
SEGMENT_KEY = "vault_segment"
OPENED = f"encryption_config = {{footer_key: '{SEGMENT_KEY}'}}"
NOTHING = {
    "identifier": "select '' as pseudonym, '' as namespace, '' as value where false",
    "person_row": (
        "select '' as submission_id, '' as sheet, cast(0 as integer) as row_number, '' as field, '' as value where false"
    ),
}
"""SELECTs of no row of the tables of a segment."""
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


def _use_segment_key(connection: duckdb.DuckDBPyConnection, key: PlatformKey) -> None:
    """Let a connection (httpfs loaded) read and write segments of this installation."""
    secret = base64.b64encode(key.derive("vault-segment")).decode()
    connection.execute(f"pragma add_parquet_key('{SEGMENT_KEY}', '{secret}')")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _open_segment(connection: duckdb.DuckDBPyConnection, path: Path, key: PlatformKey, alias: str) -> None:
    """Make `<alias>.identifier` and `<alias>.person_row` of a segment of either form.

    Raises:
        VaultError: it cannot be opened with this key.
    """
    if path.suffix == EARLIER_SUFFIX:
        _attach(connection, path, key, alias, "read_only")
        return
    _use_segment_key(connection, key)
    source = f"read_parquet('{path}', {OPENED})"
    try:
        names = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
    except duckdb.Error as error:
        raise VaultError(path, type(error).__name__) from None
    connection.execute(f"create schema {alias}")
    identifiers, people = [NOTHING["identifier"]], [NOTHING["person_row"]]
    for name in names:
        field = name.removeprefix(PSEUDONYM)
        if field != name:
            columns = ", ".join(_quoted(prefix + field) for prefix in (PSEUDONYM, NAMESPACE, VALUE))
            identifiers.append(f"select {columns} from {source} where {_quoted(name)} is not null")
        field = name.removeprefix(PERSON)
        if field != name:
            people.append(
                f"select {', '.join(PLACE)}, '{field}', {_quoted(name)} from {source} where {_quoted(name)} is not null"
            )
    for table, selects in (("identifier", identifiers), ("person_row", people)):
        connection.execute(f"create view {alias}.{table} as {' union all '.join(selects)}")


def _close_segment(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    connection.execute(f"detach {alias}" if path.suffix == EARLIER_SUFFIX else f"drop schema {alias} cascade")


def segment_path(home: Home, batch_id: str) -> Path:
    """Return where the segment of a batch is: an earlier version's where only that is there."""
    path = home.vault / "segments" / f"{batch_id}{SEGMENT_SUFFIX}"
    earlier = path.with_suffix(EARLIER_SUFFIX)
    return earlier if earlier.exists() and not path.exists() else path


def _segments(home: Home) -> list[Path]:
    """Return all segments, one a batch, in order."""
    folder = home.vault / "segments"
    batches = {path.stem for suffix in (SEGMENT_SUFFIX, EARLIER_SUFFIX) for path in folder.glob(f"[!.]*{suffix}")}
    return [segment_path(home, batch) for batch in sorted(batches)]


def vault_path(home: Home) -> Path:
    """Return where the merged vault is."""
    return home.vault / VAULT_FILE


def write_segment(
    home: Home, key: PlatformKey, batch_id: str, connection: duckdb.DuckDBPyConnection, select: str
) -> Path:
    """Write one batch's segment from a SELECT that runs on `connection` (httpfs loaded).

    It gives `submission_id`, `sheet`, `row_number` and any columns that begin with PERSON, and for any identifiers the
    three that begin with PSEUDONYM, NAMESPACE and VALUE; null says nothing. The file appears whole or not at all, mode
    0600, and takes the place of an earlier version's.
    """
    final = home.vault / "segments" / f"{batch_id}{SEGMENT_SUFFIX}"
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = final.with_name(f".{final.name}.part")
    _use_segment_key(connection, key)
    sealed = OPENED.replace(" = ", " ", 1)
    connection.execute(f"copy ({select}) to '{aside}' (format parquet, {COMPRESSION}, {sealed})")
    aside.chmod(0o600)
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(final)
    final.with_suffix(EARLIER_SUFFIX).unlink(missing_ok=True)
    return final


def open_segment(home: Home, key: PlatformKey, batch_id: str) -> duckdb.DuckDBPyConnection:
    """Return a connection on which `segment.identifier` and `segment.person_row` are what the segment of a batch holds.

    Raises:
        VaultError: it cannot be opened with this key.
    """
    connection = connect(extensions=("httpfs",))
    _open_segment(connection, segment_path(home, batch_id), key, "segment")
    return connection


def _read_through(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every value of the segment that is open."""
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
        for number, segment in enumerate(_segments(home)):
            _open_segment(connection, segment, key, f"segment_{number}")
            names.append(f"segment_{number}")
        for table in SEGMENT_TABLES:
            parts = " union ".join([NOTHING[table], *(f"select * from {name}.{table}" for name in names)])
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
    segments = _segments(home)
    if segments and not vault_path(home).exists():
        # With another key at hand the vault would be made under that, and the right one would open it no more.
        with open_segment(home, key, segments[0].stem):
            pass
    identifiers = rows = 0
    with writing(home, key) as connection:
        for segment in segments:
            _open_segment(connection, segment, key, "segment")
            try:
                added, people = _take_in(connection, segment)
            except duckdb.Error as error:
                connection.execute("rollback")
                try:
                    _read_through(connection)
                except duckdb.Error:
                    raise VaultError(segment, type(error).__name__) from None
                raise
            _close_segment(connection, segment, "segment")
            identifiers += added
            rows += people
    for segment in segments:
        segment.unlink()
        segment.with_suffix(EARLIER_SUFFIX).unlink(missing_ok=True)
    return MergeResult(vault_path(home), len(segments), identifiers, rows)


def _take_in(connection: duckdb.DuckDBPyConnection, segment: Path) -> tuple[int, int]:
    """Take the open segment into the attached vault in one transaction; return new identifiers and rows."""
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
