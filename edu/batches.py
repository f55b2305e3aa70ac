"""What each landing wrote, with hashes: a file of the lake that is broken or gone is told before anything is built of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from edu.duck import connect, in_memory
from edu.errors import EduError
from edu.paths import Home
from edu.runs import append, ensure_empty
from edu.storage_error import storage_error

KIND = "batch_file"
OF_LANDINGS = (KIND, "finding", "unit")
"""Records that a landing writes beside its receipts, so that the archive gives them again."""
SHOWN = 5


@dataclass(frozen=True)
class BrokenFile:
    """A file that is not what its landing wrote."""

    batch_id: str
    path: str
    """Relative to the installation."""
    problem: str


def _named(broken: list[BrokenFile]) -> str:
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return "; ".join(f"{file.path} {file.problem}" for file in broken[:SHOWN]) + more


class LakeBrokenError(EduError):
    """Files of landings are missing or were changed; names them and says how to mend."""

    def __init__(self, broken: list[BrokenFile]) -> None:
        self.broken = broken
        super().__init__(
            f"the lake is broken: {_named(broken)}. Run edu replay --mend, which lands them again, then what you ran."
        )


class RecordsBrokenError(EduError):
    """Files under `runs/` that nothing else gives again cannot be read; names them."""

    def __init__(self, broken: list[BrokenFile]) -> None:
        self.broken = broken
        super().__init__(f"records are broken: {_named(broken)}. Restore runs/ from a backup (edu restore).")


class ReceiptsBrokenError(RecordsBrokenError):
    """A file of receipts cannot be read, so nothing says what counts."""


def unreadable(connection: duckdb.DuckDBPyConnection, files: Iterable[Path], options: str = "") -> list[Path]:
    """Return the Parquet files that cannot be read to their end, in order; `options` go to `read_parquet`.

    Raises:
        StorageFullError, StateFolderError: it is not the file that is at fault.
    """
    found = []
    for path in sorted(files):
        try:
            connection.execute(f"select bit_xor(hash(each)) from read_parquet('{path}'{options}) as each").fetchone()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            if of_disk := storage_error(error, path.name):
                raise of_disk from None
            found.append(path)
    return found


@contextmanager
def named_if_broken(home: Home, *kinds: str) -> Iterator[None]:
    """Name the files of these kinds of records that cannot be read, where what is done within fails for them.

    Raises:
        ReceiptsBrokenError: receipts are among them.
        RecordsBrokenError: records are that no landing writes.
        LakeBrokenError: all are of landings, which `edu replay --mend` makes again.
    """
    try:
        yield
    except duckdb.Error:
        with in_memory() as connection:
            broken = {kind: unreadable(connection, (home.runs / kind).glob("*.parquet")) for kind in kinds}
        named = {
            kind: [BrokenFile(path.stem, path.relative_to(home.root).as_posix(), "cannot be read") for path in paths]
            for kind, paths in broken.items()
            if paths
        }
        if "submission" in named:
            raise ReceiptsBrokenError(named["submission"]) from None
        if others := [file for kind, files in named.items() if kind not in OF_LANDINGS for file in files]:
            raise RecordsBrokenError(others) from None
        if named:
            raise LakeBrokenError([file for files in named.values() for file in files]) from None
        raise


def record(home: Home, batch_id: str, files: Collection[Path]) -> None:
    """Keep the hash of each file of a landing, before its receipts make it count."""
    append(
        home,
        KIND,
        batch_id,
        [
            {
                "batch_id": batch_id,
                "path": path.relative_to(home.root).as_posix(),
                "bytes": path.stat().st_size,
                "sha256": file_sha256(path),
            }
            for path in sorted(files)
        ],
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def has_record(home: Home, batch_id: str) -> bool:
    """Return whether there is a record of what a landing wrote."""
    return (home.runs / KIND / f"{batch_id}.parquet").exists()


def broken(home: Home, *, is_past: bool = True) -> list[BrokenFile]:
    """Return what is missing or changed of landings that have receipts, in the order of paths.

    Without `is_past` landings are left out of which nothing counts today: all their submissions were withdrawn or landed
    again. An earlier day may still see them.

    Raises:
        ReceiptsBrokenError, RecordsBrokenError: the receipts or the withdrawals themselves cannot be read.
    """
    ensure_empty(home)
    records = sorted((home.runs / KIND).glob("*.parquet"))
    with connect() as connection, named_if_broken(home, "submission", "withdrawal"):
        try:
            rows = _files(connection, home, is_past, records)
        except duckdb.Error:
            # A landing whose own record is broken is a landing without one.
            broken_records = unreadable(connection, records)
            rows = _files(connection, home, is_past, [path for path in records if path not in broken_records])
    found = []
    for batch_id, path, size, digest in rows:
        file = home.root / path if path else home.runs / KIND / f"{batch_id}.parquet"
        if not file.exists():
            problem = "is missing"
        elif path is None:
            problem = "cannot be read"
        elif file.stat().st_size != size or file_sha256(file) != digest:
            problem = "was changed"
        else:
            continue
        found.append(BrokenFile(batch_id, file.relative_to(home.root).as_posix(), problem))
    return found


def _files(
    connection: duckdb.DuckDBPyConnection, home: Home, is_past: bool, records: list[Path]
) -> list[tuple[str, str | None, int, str]]:
    """Return batch, path, bytes and hash of what counts, by these records; a batch without record has no path."""
    named = ", ".join(f"'{path}'" for path in records)
    return connection.execute(
        f"""
        with landed as (
            select
                batch_id,
                row_number() over (partition by submission_id order by recorded_at desc, batch_id desc) = 1
                and submission_id not in (select submission_id from read_parquet('{home.runs}/withdrawal/*.parquet'))
                    as is_present
            from read_parquet('{home.runs}/submission/*.parquet', union_by_name = true)
        ),
        counted as (
            select distinct batch_id from landed where is_present or {is_past}
        )
        select c.batch_id, f.path, f.bytes, f.sha256
        from counted as c
        left join read_parquet([{named}]) as f on f.batch_id = c.batch_id
        order by f.path, c.batch_id
        """
    ).fetchall()


def check(home: Home, *, is_past: bool = False) -> None:
    """Make sure that all that counts, today or with `is_past` on any day, is there as it was written.

    Raises:
        LakeBrokenError: a file is missing or was changed.
        ReceiptsBrokenError, RecordsBrokenError: see `broken`.
    """
    if found := broken(home, is_past=is_past):
        raise LakeBrokenError(found)
