"""The lake, the quarantine and the records of a landing: written aside, renamed into place, receipts last."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from edu.duck import COMPRESSION
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.runs import ensure_empty
from ingest.submission import folder_period

QUARANTINE_KEY_NAME = "quarantine"
OPENED = f", encryption_config = {{footer_key: '{QUARANTINE_KEY_NAME}'}}"
"""What `read_parquet` needs for a quarantine file, on a connection that has the key."""


def ensure_state(home: Home) -> None:
    """Make the folders of an installation and the empty files that its readers count on."""
    home.ensure()
    ensure_empty(home)


def copy_to(connection: duckdb.DuckDBPyConnection, select: str, path: Path, options: str = "") -> int:
    """Write a SELECT to a Parquet file that appears whole or not at all; return the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    row = connection.execute(f"copy ({select}) to '{aside}' (format parquet, {COMPRESSION}{options})").fetchone()
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(path)
    return int(row[0]) if row else 0


class Slices:
    """A Parquet file that is written slice by slice, each a row group, while the next one is made; use it as a context.

    The file appears whole at the end, or not at all.
    """

    def __init__(self, path: Path, schema: pa.Schema, distinct: Collection[str] = ()) -> None:
        """Take the file's columns; those of which most values are `distinct` are written without a dictionary."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._aside = path.with_name(f".{path.name}.part")
        repeated = [name for name in schema.names if name not in distinct]
        self._writer = pq.ParquetWriter(self._aside, schema, compression="zstd", use_dictionary=repeated)
        self._writing = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Slices:
        return self

    def write(self, rows: pa.Table) -> None:
        """Write rows of the schema's columns behind those before."""
        if self._last:
            self._last.result()
        self._last = self._writing.submit(self._writer.write_table, rows)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writing.shutdown()
        if kind is None and self._last:
            self._last.result()
        self._writer.close()
        if kind is None:
            with self._aside.open("rb") as stream:
                os.fsync(stream.fileno())
            self._aside.replace(self._path)


class Stream:
    """Rows that a statement in a thread of its own reads while they are made; use it as a context.

    The end of the context waits for the end of the statement.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, run: Callable[[duckdb.DuckDBPyConnection, str], None]
    ) -> None:
        """Take what runs the statement, given a connection of its own and a SELECT of the rows."""
        self._connection = connection.cursor()
        self._run = run
        self._rows: Queue[pa.Table | BaseException | None] = Queue(1)
        self._thread = ThreadPoolExecutor(1)
        self._done: Future[None] | None = None

    def __enter__(self) -> Stream:
        return self

    def write(self, rows: pa.Table) -> None:
        """Give rows; all have the columns of the first ones."""
        if self._done is None:
            self._done = self._thread.submit(self._read, rows.schema)
        self._put(rows)

    def _put(self, rows: pa.Table | BaseException | None) -> None:
        assert self._done
        while True:
            if self._done.done():
                # It ended before its rows did, so it failed.
                self._done.result()
                return
            try:
                self._rows.put(rows, timeout=0.1)
            except Full:
                continue
            return

    def _put_at_once(self, error: RuntimeError) -> None:
        """Put an error in place of rows that wait, which the thread may take meanwhile."""
        with suppress(Empty):
            while True:
                self._rows.get_nowait()
        self._rows.put(error)

    def _read(self, schema: pa.Schema) -> None:
        def batches() -> Iterator[pa.RecordBatch]:
            while (rows := self._rows.get()) is not None:
                if isinstance(rows, BaseException):
                    raise rows
                yield from rows.to_batches()

        self._connection.register("streamed", pa.RecordBatchReader.from_batches(schema, batches()))
        self._run(self._connection, "select * from streamed")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if self._done:
                if kind is None:
                    self._put(None)
                    self._done.result()
                elif not self._done.done():
                    # What is written aside is not to get its name.
                    self._put_at_once(RuntimeError("the rows end before their time"))
        finally:
            self._thread.shutdown()
            self._connection.close()


def lake_path(home: Home, dataset: str, period: str, batch_id: str) -> Path:
    """Return where the accepted rows of a batch are."""
    return home.lake / dataset / folder_period(period) / f"{batch_id}.parquet"


def batch_files(home: Home, dataset: str, period: str, batch_id: str) -> tuple[Path, Path, Path]:
    """Return what the layers above read of a batch: its rows, which may be none, its findings and its units.

    Its quarantine is not among it and may go by retention.
    """
    name = f"{batch_id}.parquet"
    return lake_path(home, dataset, period, batch_id), home.runs / "finding" / name, home.runs / "unit" / name


def use_quarantine_key(connection: duckdb.DuckDBPyConnection, key: PlatformKey) -> None:
    """Let a connection (httpfs loaded) read and write quarantine files."""
    # Parquet encryption takes a key of 16, 24 or 32 characters; half of the digest's text is 128 bits.
    secret = key.derive("quarantine").hex()[:32]
    connection.execute(f"pragma add_parquet_key('{QUARANTINE_KEY_NAME}', '{secret}')")


def quarantine_path(home: Home, batch_id: str) -> Path:
    """Return where the rows of a batch with their raw text are."""
    return home.quarantine / f"{batch_id}.parquet"


def write_quarantine(connection: duckdb.DuckDBPyConnection, home: Home, batch_id: str, select: str) -> Path:
    """Write rows with their raw text, encrypted, mode 0600."""
    path = quarantine_path(home, batch_id)
    copy_to(connection, select, path, f", encryption_config {{footer_key: '{QUARANTINE_KEY_NAME}'}}")
    path.chmod(0o600)
    return path


def read_quarantine(connection: duckdb.DuckDBPyConnection, home: Home) -> duckdb.DuckDBPyRelation:
    """Return the rows of all quarantine files; the connection has the key."""
    return connection.sql(f"select * from read_parquet('{home.quarantine}/*.parquet'{OPENED})")
