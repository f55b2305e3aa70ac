"""Who has the built warehouse open: one that writes it, or any number that read it.

DuckDB opens a file for one process that writes or for several that read, and refuses the others. A build opens and
closes its file many times, so that lock alone would let a reader in between two steps, where one half of the tables is
of before, and then refuse the build. So a lock of the installation is held for as long as the work takes: readers share
it and are told at once while somebody writes; who writes waits until the readers are done. Programs that are not the
platform's know nothing of that lock; who writes waits for them too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from edu.errors import WarehouseError
from edu.lock import POLL_SECONDS, BusyError, alone, together
from edu.paths import Home

T = TypeVar("T")
WAIT_SECONDS = 600.0
"""How long who writes waits for readers: longer than any look takes, shorter than what nobody notices."""

_written_here: set[Path] = set()
"""Locks that this process holds for writing: what it calls meanwhile reads its own work."""


def is_locked(error: BaseException | str) -> bool:
    """Return whether an error of DuckDB or dbt says that another process has the file open."""
    return "Could not set lock on file" in str(error)


@contextmanager
def writing(home: Home) -> Iterator[None]:
    """Hold the installation's warehouse for writing; within a process it may be nested.

    Raises:
        BusyError: readers did not end in time.
    """
    path = _lock(home)
    if path in _written_here:
        yield
        return
    with alone(path, f"{home.warehouse.name} is open", wait_seconds=WAIT_SECONDS):
        _written_here.add(path)
        try:
            yield
        finally:
            _written_here.discard(path)


@contextmanager
def reading(home: Home) -> Iterator[None]:
    """Hold the installation's warehouse for reading.

    Raises:
        WarehouseError: nothing was built.
        BusyError: it is being built, or another program has it open for writing.
    """
    if not home.warehouse.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
    path = _lock(home)
    if path in _written_here:
        yield
        return
    with together(path, f"{home.warehouse.name} is being built"):
        try:
            yield
        except duckdb.IOException as error:
            if not is_locked(error):
                raise
            raise BusyError(f"{home.warehouse.name} is open") from None


@contextmanager
def opened(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the installation's warehouse for reading.

    Raises:
        WarehouseError, BusyError: see `reading`.
    """
    with reading(home), duckdb.connect(str(home.warehouse), read_only=True) as connection:
        yield connection


def when_free(database: Path, action: Callable[[], T]) -> T:
    """Return what an action gives that opens a database for writing; a program that has it open is waited for.

    Raises:
        BusyError: it still had it open when the time to wait was over.
    """
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return action()
        except BusyError:
            pass
        except duckdb.IOException as error:
            if not is_locked(error):
                raise
        if time.monotonic() >= end:
            raise BusyError(f"{database.name} is open")
        time.sleep(POLL_SECONDS)


def _lock(home: Home) -> Path:
    return home.tmp / f"{home.warehouse.stem}.open.lock"
