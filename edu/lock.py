"""Locks between processes: on a file, gone with the process that holds it, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edu.errors import EduError


class BusyError(EduError):
    """Another process is at the same work."""

    def __init__(self, work: str) -> None:
        super().__init__(f"{work} in another process. Wait for its end and run again.")


@contextmanager
def alone(path: Path, work: str) -> Iterator[None]:
    """Hold a lock; `work` says what goes on, as in "warehouse.duckdb is open".

    Raises:
        BusyError: another process holds it.
    """
    with path.open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(work) from None
        yield


@contextmanager
def in_turn(path: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Wait until nobody else holds the lock, or nobody but those who share it; then hold it."""
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield
