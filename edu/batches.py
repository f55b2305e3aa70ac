"""What each landing wrote, with hashes: a file of the lake that is broken or gone is told before anything is built of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from edu.duck import connect
from edu.errors import EduError
from edu.paths import Home
from edu.runs import append, ensure_empty

KIND = "batch_file"
SHOWN = 5


@dataclass(frozen=True)
class BrokenFile:
    """A file that is not what its landing wrote."""

    batch_id: str
    path: str
    """Relative to the installation."""
    problem: str


class LakeBrokenError(EduError):
    """Files of landings are missing or were changed; names them and says how to mend."""

    def __init__(self, broken: list[BrokenFile]) -> None:
        self.broken = broken
        named = "; ".join(f"{file.path} {file.problem}" for file in broken[:SHOWN])
        more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        super().__init__(
            f"the lake is broken: {named}{more}. Run edu replay --mend, which lands them again, then build."
        )


class ReceiptsBrokenError(EduError):
    """A file of receipts cannot be read, so nothing says what counts."""

    def __init__(self, error: duckdb.Error) -> None:
        names = sorted(set(re.findall(r"[\w-]+\.parquet", str(error))))
        super().__init__(
            f"the receipts cannot be read ({', '.join(names) or type(error).__name__}). Restore runs/ from a backup."
        )


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
        ReceiptsBrokenError: the receipts themselves cannot be read.
    """
    ensure_empty(home)
    with connect() as connection:
        try:
            rows = _files(connection, home, is_past)
        except duckdb.Error as error:
            raise ReceiptsBrokenError(error) from None
    found = []
    for batch_id, path, size, digest in rows:
        file = home.root / path if path else home.runs / KIND / f"{batch_id}.parquet"
        if path is None or not file.exists():
            problem = "is missing"
        elif file.stat().st_size != size or file_sha256(file) != digest:
            problem = "was changed"
        else:
            continue
        found.append(BrokenFile(batch_id, file.relative_to(home.root).as_posix(), problem))
    return found


def _files(connection: duckdb.DuckDBPyConnection, home: Home, is_past: bool) -> list[tuple[str, str | None, int, str]]:
    """Return batch, path, bytes and hash of what counts; a batch without record has no path."""
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
        left join read_parquet('{home.runs}/{KIND}/*.parquet') as f on f.batch_id = c.batch_id
        order by f.path, c.batch_id
        """
    ).fetchall()


def check(home: Home, *, is_past: bool = False) -> None:
    """Make sure that all that counts, today or with `is_past` on any day, is there as it was written.

    Raises:
        LakeBrokenError: a file is missing or was changed.
        ReceiptsBrokenError: the receipts themselves cannot be read.
    """
    if found := broken(home, is_past=is_past):
        raise LakeBrokenError(found)
