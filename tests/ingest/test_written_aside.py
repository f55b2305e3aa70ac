"""Files that are written while their rows are made: whole at the end, or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.lake import Slices, Stream, copy_to

SCHEMA = pa.schema([("n", pa.int64()), ("key", pa.string())])


class MakingError(Exception):
    """What goes wrong while rows are made."""


def rows(*numbers: int) -> pa.Table:
    return pa.table({"n": numbers, "key": [f"k{number}" for number in numbers]}, SCHEMA)


def copied_to(path: Path) -> Callable[[duckdb.DuckDBPyConnection, str], None]:
    def run(connection: duckdb.DuckDBPyConnection, select: str) -> None:
        copy_to(connection, select, path)

    return run


def end_early(writer: Slices | Stream) -> None:
    with writer:
        writer.write(rows(1))
        raise MakingError


def write_many(writer: Slices | Stream, table: pa.Table) -> None:
    with writer:
        for _ in range(1_000):
            writer.write(table)


def test_slices_are_row_groups_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "lake" / "b.parquet"
    with Slices(path, SCHEMA, ["key"]) as slices:
        slices.write(rows(3, 1))
        slices.write(rows(2))
        assert not path.exists()
    assert pq.read_table(path).equals(rows(3, 1, 2))
    assert pq.ParquetFile(path).num_row_groups == 2


def test_slices_that_end_early_leave_no_file(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    with pytest.raises(MakingError):
        end_early(Slices(path, SCHEMA))
    assert not path.exists()


def test_a_slice_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    with pytest.raises(ValueError, match="schema"):
        write_many(Slices(path, SCHEMA), pa.table({"other": [1]}))
    assert not path.exists()


def test_a_stream_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    with duckdb.connect() as connection, Stream(connection, copied_to(path)) as stream:
        for number in range(50):
            stream.write(rows(number, -number))
    assert sorted(pq.read_table(path)["n"].to_pylist()) == sorted([*range(50), *(-n for n in range(50))])


def test_a_stream_that_ends_early_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    with duckdb.connect() as connection, pytest.raises(MakingError):
        end_early(Stream(connection, copied_to(path)))
    assert not path.exists()


def test_rows_that_are_taken_at_the_last_moment_leave_no_thread_waiting(tmp_path: Path) -> None:
    """Between the look whether rows wait and the hand on them, the statement may have taken them."""

    class Late(Queue[Any]):
        def empty(self) -> bool:
            return False

    path = tmp_path / "b.parquet"
    with duckdb.connect() as connection:
        stream = Stream(connection, copied_to(path))
        stream._rows = Late(1)
        with pytest.raises(MakingError):
            end_early(stream)
    assert not path.exists()


def test_a_statement_that_fails_is_told_and_ends_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    # What is written aside would be a folder.
    (tmp_path / ".b.parquet.part").mkdir()
    with duckdb.connect() as connection, pytest.raises(duckdb.IOException):
        write_many(Stream(connection, copied_to(path)), rows(1))


def test_a_stream_without_rows_runs_nothing() -> None:
    with duckdb.connect() as connection, Stream(connection, lambda *_: pytest.fail("it ran")):
        pass
