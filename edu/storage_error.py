"""A disk that is full, or a folder that may not be written: one error wherever Python, DuckDB or dbt meets it."""

from __future__ import annotations

import errno
import os

from edu.errors import EduError

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class StorageFullError(EduError):
    """There is no space left; what was being done does not count."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: no space left for EDU_HOME. Free some and run again; nothing was lost.")


class StateFolderError(EduError):
    """A folder of the installation cannot be written."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"EDU_HOME cannot be written ({problem}). Give the platform's user permission and run again.")


def storage_error(error: BaseException | str, what: str) -> EduError | None:
    """Return what an error or its message says of the disk; null where it is about something else.

    DuckDB and dbt wrap the error of the operating system into text of their own, so its words are looked for.
    """
    code, text = getattr(error, "errno", None), str(error)

    def is_one_of(codes: tuple[int, ...]) -> bool:
        return code in codes or any(os.strerror(known) in text for known in codes)

    if is_one_of(FULL):
        return StorageFullError(what)
    if is_one_of(CLOSED):
        return StateFolderError(
            next(os.strerror(known) for known in CLOSED if known == code or os.strerror(known) in text)
        )
    return None
