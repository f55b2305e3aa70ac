"""The lake, the quarantine and the records of a landing: written aside, renamed into place, receipts last."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

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
    row = connection.execute(f"copy ({select}) to '{aside}' (format parquet, compression zstd{options})").fetchone()
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(path)
    return int(row[0]) if row else 0


def write_slices(connection: duckdb.DuckDBPyConnection, selects: Iterable[str], schema: pa.Schema, path: Path) -> None:
    """Write what SELECTs of the schema's columns give, one after another, as `copy_to` does; each is a row group.

    Rows in an order of their own are sorted slice by slice in memory, where one sort of them all would spill; while a
    slice is written, the next one is read.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    with pq.ParquetWriter(aside, schema, compression="zstd") as writer, ThreadPoolExecutor(1) as writing:
        last: Future[None] | None = None
        for select in selects:
            rows = connection.execute(select).to_arrow_table().cast(schema)
            if last:
                last.result()
            last = writing.submit(writer.write_table, rows)
        if last:
            last.result()
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(path)


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
