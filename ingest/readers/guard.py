"""Turns whatever a parser of foreign bytes throws into a refusal of the file."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from edu.errors import RejectedFileError

INSTALLATION = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EIO, errno.EROFS, errno.EMFILE)
"""Failures of the machine, which say nothing of the file."""
WHAT_TO_DO = "It is broken; open it, save it as .xlsx or CSV and send it again."


@contextmanager
def unreadable(file: str, sheet: str | None = None) -> Iterator[None]:
    """Refuse the file if a parser fails over it.

    Parsers of hostile bytes fail in every way, a panic of compiled code included, which is no `Exception`. Want of
    storage, the memory limit of the landing and an interruption are no fault of the file and pass; what is beyond a
    stated bound of a reader is refused before.

    Raises:
        RejectedFileError: with `file_unreadable`, or the refusal that was raised inside.
    """
    try:
        yield
    except (RejectedFileError, duckdb.OutOfMemoryException, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except OSError as error:
        if error.errno in INSTALLATION:
            raise
        raise RejectedFileError(file, "file_unreadable", WHAT_TO_DO, sheet=sheet) from None
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RejectedFileError(file, "file_unreadable", WHAT_TO_DO, sheet=sheet) from None
