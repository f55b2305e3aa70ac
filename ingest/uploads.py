"""Uploads into the drop folder: which are complete, which are left alone, and which were never completed.

An upload is complete when it has a final name, has stood still for the settle time, is no zip without its end, and has
its marker where markers are configured. A sender who renames a finished file into place is always on the safe side.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edu.paths import Home
from edu.settings import get_settings

if TYPE_CHECKING:
    from ingest.inbox import Source

TEMPORARY_SUFFIXES = (
    ".part",
    ".partial",
    ".tmp",
    ".crdownload",
    ".download",
    ".downloading",
    ".filepart",
    ".uploading",
)
Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Name, inode, size, time of writing and time of change of each file of a source; empty where a file is gone.

Programs that copy set the time of writing back to that of the original; the time of change they cannot set."""


def is_temporary(name: str) -> bool:
    """Whether a name is one that programs give to a file that they still write."""
    return name.lower().endswith(TEMPORARY_SUFFIXES)


def stamp(source: Source) -> Stamp:
    """Return what changes when a source is written on or replaced."""
    try:
        found = []
        for path in source.files():
            status = path.stat()
            found.append((path.name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        return tuple(found)
    except OSError:
        return ()


def marker(path: Path) -> Path | None:
    """Return where a file's marker lies; null where none are configured."""
    suffix = get_settings().done_suffix
    return path.with_name(path.name + suffix) if suffix else None


def is_marker(path: Path) -> bool:
    """Whether a file is the marker of another."""
    suffix = get_settings().done_suffix
    return bool(suffix) and path.name.endswith(str(suffix))


def _is_whole(source: Source) -> bool:
    mark = marker(source.path)
    if mark is not None and not mark.exists():
        return False
    if any(is_temporary(path.name) for path in source.files()):
        return False
    # The directory of a zip is written last.
    return source.path.suffix.lower() != ".zip" or zipfile.is_zipfile(source.path)


def complete(sources: Sequence[Source], home: Home) -> list[Source]:
    """Return the sources that may be landed: all outside the inbox, and in it those that are complete.

    Waits the settle time once, and only where something was written just now.
    """
    inbox = home.inbox.resolve()
    dropped = {source.path for source in sources if source.path.resolve().is_relative_to(inbox)}
    whole = [source for source in sources if source.path not in dropped or _is_whole(source)]
    settle = get_settings().settle_seconds
    since = time.time() - settle
    fresh = {source.path: stamp(source) for source in whole if source.path in dropped and _changed(source) > since}
    if not fresh:
        return whole
    time.sleep(settle)
    return [source for source in whole if source.path not in fresh or fresh[source.path] == stamp(source) != ()]


def _newest(source: Source) -> float:
    return max((entry[3] for entry in stamp(source)), default=0) / 1e9


def _changed(source: Source) -> float:
    return max((max(entry[3], entry[4]) for entry in stamp(source)), default=0) / 1e9


def never_completed(sources: Iterable[Source], home: Home) -> int:
    """Return how many uploads lie incomplete in the inbox for longer than the stated age."""
    before = time.time() - get_settings().left_after_minutes * 60
    names = [path for path in home.inbox.rglob("*") if path.is_file() and is_temporary(path.name)]
    named = sum(path.stat().st_mtime < before for path in names)
    return named + sum(not _is_whole(source) and 0 < _newest(source) < before for source in sources)
