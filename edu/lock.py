"""Locks between processes: on a file, gone with the process that holds it, however it ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edu.errors import EduError

POLL_SECONDS = 0.2


class BusyError(EduError):
    """Another process is at the same work."""

    def __init__(self, work: str) -> None:
        super().__init__(f"{work} in another process. Wait for its end and run again.")


@contextmanager
def alone(path: Path, work: str, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock; `work` says what goes on, as in "warehouse.duckdb is open".

    Raises:
        BusyError: another process holds it, and still did when the time to wait was over.
    """
    with _held(path, work, fcntl.LOCK_EX, wait_seconds):
        yield


@contextmanager
def together(path: Path, work: str) -> Iterator[None]:
    """Hold a lock with all others that hold it so; `work` says what goes on.

    Raises:
        BusyError: another process holds it alone.
    """
    with _held(path, work, fcntl.LOCK_SH, 0.0):
        yield


@contextmanager
def _held(path: Path, work: str, kind: int, wait_seconds: float) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + wait_seconds
    with path.open("w", encoding="ascii") as file:
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise BusyError(work) from None
            time.sleep(POLL_SECONDS)
        yield


@contextmanager
def in_turn(path: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Wait until nobody else holds the lock, or nobody but those who share it; then hold it."""
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield
