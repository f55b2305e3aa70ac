"""What there is to land: files, folder trees, bundles of partitioned files, and plans for parallel landing."""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from edu.contract import contracts
from edu.errors import EduError, ExitCode, RejectedFileError
from edu.paths import Home
from ingest.header import is_column
from ingest.roster import (
    FILES_MISSING,
    FILES_OF,
    ONEROSTER_FILES,
    SDS_V1_FILES,
    V1_FILES_OF,
    Form,
    Roster,
    describe,
    form_of,
    form_of_zip,
    open_bundle,
    stem,
)
from ingest.submission import ROSTER_FOLDERS, SIDECAR_SUFFIX
from ingest.uploads import complete, is_marker, is_temporary, marker, never_completed

SOURCE_DEPTHS = (3, 4)
"""In the inbox a folder can be one source as `<org>/<what>/<period>` or as `<org>/<what>/<period>/<folder>`."""
DECLARED = re.compile(r'(?:^|[\r\n])[\s"]*file\.([^\s",;|]+)')
WRITER_NOTES = re.compile(r"_(SUCCESS|(common_)?metadata|(committed|started|corrupt)_\w+)")
"""Files that Spark, Hadoop and Arrow lay beside the parts that they wrote; they hold no rows."""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What those write for a partition whose field is empty."""
Place = tuple[str, ...]
"""Names of the folders from the inbox down to a folder; empty for the inbox itself."""


class NothingToCollectError(EduError):
    """A path names nothing that can be landed."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"{path.name}: {problem}")


class EmptyFolderError(NothingToCollectError):
    """A folder was named in which no file lies."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the folder holds no file to collect; name a file or a folder with files.")


class FileNameError(EduError):
    """A file's name, or that of a folder above it, is not UTF-8, as after a Chinese Windows without conversion."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{shown(Path(path.name))}: the name of the file or its folder is not UTF-8; rename it and send it again."
        )


def shown(path: Path) -> str:
    """Return a path as it can be printed; a name that is not UTF-8 is taken for GB18030."""
    try:
        return str(path).encode().decode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("gb18030", errors="replace")


def check_name(source: Source) -> None:
    """Refuse a source whose names no manifest and no reader could write down.

    Raises:
        FileNameError: a name is not UTF-8.
    """
    for path in (source.path, *(part.path for part in source.parts)):
        if shown(path) != str(path):
            raise FileNameError(path)


@dataclass(frozen=True)
class Part:
    """One file of a source, with what its folder names say of all its rows."""

    path: Path
    name: str | None
    constants: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """One submission's bytes: a file, or a folder of `key=value` partitions that belong together."""

    path: Path
    parts: tuple[Part, ...]
    is_bundle: bool
    roster: Roster | None = None
    """What the bundle's files are, where they are a roster of another system."""
    refusal: RejectedFileError | None = None
    """Why it is no such roster although its files have the names of one."""

    def files(self) -> list[Path]:
        """Return the files that lie now where the source is, those that are still being written among them.

        What only lies beside a bundle's files, and is a source of its own, is none of them.
        """
        if not self.is_bundle or not self.path.is_dir():
            return [self.path]
        if self.roster:
            own = set(_roster_files(self.path, self.roster.form))
            items = sorted(item for item in self.path.iterdir() if item.is_file())
            return [item for item in items if item in own or is_temporary(item.name) or item.name.startswith(".")]
        folders = [item for item in sorted(self.path.iterdir()) if item.is_dir() and "=" in item.name]
        return [item for folder in folders for item in sorted(folder.rglob("*")) if item.is_file()]


def _is_data_file(path: Path) -> bool:
    return (
        path.is_file()
        and not path.name.startswith((".", "~$"))
        and not path.name.endswith(SIDECAR_SUFFIX)
        and not is_temporary(path.name)
        and not is_marker(path)
        and not WRITER_NOTES.fullmatch(path.name)
    )


def _declared(folder: Path) -> set[str]:
    """Return the stems of the files that a folder's manifest speaks of; empty where it has none that can be read."""
    try:
        with open_bundle(folder) as bundle:
            text = bundle.text("manifest") if "manifest" in bundle.names else ""
    except (RejectedFileError, OSError):
        return set()
    return set(DECLARED.findall(text.lower()))


def _roster_files(folder: Path, form: Form) -> list[Path]:
    """Return the files of a folder that belong to its roster: those of its form, and those that its manifest names."""
    known = SDS_V1_FILES if form == "sds_v1" else ONEROSTER_FILES | _declared(folder)
    return [
        item
        for item in sorted(folder.iterdir())
        if item.suffix.lower() == ".csv" and stem(item.name) in known and _is_data_file(item)
    ]


def _form(folder: Path) -> Form | None:
    return form_of(item.name for item in folder.iterdir() if _is_data_file(item))


def _roster(folder: Path, files: Iterable[Path], form: Form) -> Source:
    parts = tuple(Part(path, path.name, ()) for path in files)
    return Source(folder, parts, is_bundle=True, roster=Roster(form))


def _file(path: Path) -> Source:
    form = form_of_zip(path) if path.suffix.lower() == ".zip" else None
    return Source(path, (Part(path, None, ()),), is_bundle=False, roster=Roster(form) if form else None)


def described(source: Source) -> Source:
    """Return a roster with what it says of itself, or without its form and with why it is refused.

    Raises:
        OSError: it may not be read.
    """
    if not source.roster:
        return source
    try:
        return replace(source, roster=describe(source.path, source.roster.form))
    except RejectedFileError as error:
        refusal = error
    except (csv.Error, zlib.error) as error:
        what = f"Its manifest cannot be read ({type(error).__name__}); send it again."
        refusal = RejectedFileError(source.path.name, "bundle_inconsistent", what)
    return replace(source, roster=None, refusal=refusal)


def told_of(source: Source, refusal: RejectedFileError) -> list[str]:
    """Return the datasets of which the refusal of a roster is told.

    They are those that its files are of by their names alone, and all where none of them says it. Where the files only
    add to others it is one: of nothing else than what they add to is anything missing.
    """
    assert source.roster
    if source.is_bundle:
        names = {stem(part.path.name) for part in source.parts}
    else:
        with zipfile.ZipFile(source.path) as archive:
            names = {stem(entry.filename) for entry in archive.infolist()}
    of = V1_FILES_OF if source.roster.form == "sds_v1" else FILES_OF
    if refusal.reason_code == FILES_MISSING:
        return ["student" if names & set(of["student"]) or not names & set(of["class"]) else "class"]
    people = ("staff", "student") if "roles" in names else ()
    return [dataset for dataset, files in of.items() if files[0] in names or dataset in people] or list(of)


def _said(folder: str) -> tuple[str, str]:
    """Return field and value of a folder `<field>=<value>`, without the escapes of Spark, Hive and DuckDB; an empty value
    is none."""
    key, _, value = folder.partition("=")
    return unquote(key), "" if value == NO_VALUE else unquote(value)


def _has_partitions(folder: Path) -> bool:
    return any(item.is_dir() and "=" in item.name for item in folder.iterdir())


def _partitioned(folder: Path, files: Iterable[Path]) -> Source:
    parts = []
    for path in files:
        relative = path.relative_to(folder)
        # A field without a value is one all the same, of which the rows have none.
        constants = tuple(_said(piece) for piece in relative.parts[:-1] if "=" in piece)
        parts.append(Part(path, relative.as_posix(), constants))
    if not parts:
        raise NothingToCollectError(folder, "the folder of partitions holds no file.")
    return Source(folder, tuple(parts), is_bundle=True)


def _partition_files(folder: Path, place: Place) -> list[Path]:
    """Return the files below folders `<field>=<value>` of a folder in the inbox; empty where none of them is Parquet.

    The field is one of the dataset that the folder lies under, or of any where that is not known: a sign of equality in
    a name says nothing by itself.
    """
    every = contracts()
    of = [every[place[1]]] if place[1:2] and place[1] in every else list(every.values())
    folders = [
        item
        for item in sorted(folder.iterdir())
        if item.is_dir() and "=" in item.name and any(is_column(each, _said(item.name)[0]) for each in of)
    ]
    files = [item for each in folders for item in sorted(each.rglob("*")) if _is_data_file(item)]
    return files if any(item.suffix.lower() == ".parquet" for item in files) else []


def _as_one(folder: Path, place: Place, is_named: bool) -> Source | None:
    """Return a folder in the inbox as one source; null where its files and folders are sources of their own.

    It is one at its proper place, where a sidecar says what it is, or where it was named itself. Elsewhere a few stray
    files would take along everything that lies below them.
    """
    if not place:
        return None
    is_described = folder.with_name(folder.name + SIDECAR_SUFFIX).exists()
    is_meant = is_named or is_described
    what = place[1] if len(place) in SOURCE_DEPTHS else None
    # Where files of one dataset lie, their names alone make no roster of them.
    may_be_roster = what in ROSTER_FOLDERS or is_described or (is_named and what not in contracts())
    form = _form(folder) if may_be_roster else None
    if form:
        return _roster(folder, _roster_files(folder, form), form)
    files = _partition_files(folder, place) if is_meant or what in contracts() else []
    return _partitioned(folder, files) if files else None


def _inside(folder: Path, place: Place, is_named: bool = False) -> Iterable[Source]:
    """Give the sources of a folder in the inbox; every file there is part of exactly one."""
    source = _as_one(folder, place, is_named)
    taken: set[Path] = set()
    if source:
        taken = {folder / part.path.relative_to(folder).parts[0] for part in source.parts}
        yield source
    for item in sorted(folder.iterdir()):
        if item in taken:
            continue
        if item.is_dir() and not item.name.startswith("."):
            yield from _inside(item, (*place, item.name))
        elif _is_data_file(item):
            yield _file(item)


def _outside(folder: Path) -> Iterable[Source]:
    """Give the sources of a folder elsewhere, which was named by who knows it: it is what its names say, as a whole."""
    if _has_partitions(folder):
        yield _partitioned(folder, sorted(item for item in folder.rglob("*") if _is_data_file(item)))
        return
    form = _form(folder)
    if form:
        yield _roster(folder, sorted(item for item in folder.iterdir() if _is_data_file(item)), form)
        return
    for item in sorted(folder.iterdir()):
        if item.is_dir() and not item.name.startswith("."):
            yield from _outside(item)
        elif _is_data_file(item):
            yield _file(item)


def once(sources: Iterable[Source]) -> list[Source]:
    """Return the sources so that every file is in one of them, however many of the named paths lead to it.

    A bundle goes before the files that it holds.
    """
    taken: set[Path] = set()
    kept: list[Source] = []
    for source in sorted(sources, key=lambda each: not each.is_bundle):
        own = {source.path.resolve(), *(part.path.resolve() for part in source.parts)}
        if not own & taken:
            taken |= own
            kept.append(source)
    return kept


def discover(path: Path, inbox: Path | None = None, *, is_named: bool = True) -> list[Source]:
    """Return the sources at a path, in name order.

    Args:
        path: a file or a folder.
        inbox: the drop folder, where many senders lay down what nobody has looked at; null for what comes out of the
            archive, of which nothing changes any more: its rosters are described at once.
        is_named: whether somebody means this path; a plan finds again what it found in the inbox as a whole.

    Raises:
        EmptyFolderError: the folder holds no file.
        NothingToCollectError: the path does not exist or may not be read.
    """
    try:
        if path.is_file():
            sources = [_file(path)]
        elif not path.is_dir():
            raise NothingToCollectError(path, "there is no such file or folder; check the path.")
        elif inbox is not None and path.resolve().is_relative_to(inbox.resolve()):
            sources = list(_inside(path, path.resolve().relative_to(inbox.resolve()).parts, is_named))
        else:
            sources = list(_outside(path))
    except PermissionError:
        raise NothingToCollectError(path, "may not be read; give the platform's user permission.") from None
    if not sources:
        raise EmptyFolderError(path)
    return sources if inbox is not None else [described(source) for source in sources]


def plan(home: Home, batches: int = 16) -> list[int]:
    """Divide what lies in the inbox into at most `batches` plans of about equal bytes; return their numbers.

    A plan is a file under `tmp/plan/`, because original names hold people's names and must not pass through an
    orchestrator. The same inbox gives the same plans.
    """
    folder = home.tmp / "plan"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    sources = complete(list(_inside(home.inbox, ())), home) if home.inbox.is_dir() else []
    if not sources:
        return []
    weights = [sum(part.path.stat().st_size for part in source.parts) for source in sources]
    # Sources of one dataset stay together, so that they share a batch and its statements.
    order = sorted(range(len(sources)), key=lambda i: (sources[i].path.parts[-3:-1], sources[i].path.as_posix()))
    share = max(1, -(-sum(weights) // batches))
    plans: list[list[str]] = [[]]
    filled = 0
    for index in order:
        if plans[-1] and filled + weights[index] > share and len(plans) < batches:
            plans.append([])
            filled = 0
        plans[-1].append(sources[index].path.as_posix())
        filled += weights[index]
    for number, paths in enumerate(plans):
        (folder / f"{number}.json").write_text(json.dumps(paths), encoding="utf-8")
    return list(range(len(plans)))


def count_never_completed(home: Home) -> int:
    """Return how many uploads lie incomplete in the inbox for longer than the stated age."""
    return never_completed(_inside(home.inbox, ()), home) if home.inbox.is_dir() else 0


def read_plan(home: Home, number: int) -> list[Path]:
    """Return the paths of a plan that are still there."""
    paths = json.loads((home.tmp / "plan" / f"{number}.json").read_text(encoding="utf-8"))
    return [Path(path) for path in paths if Path(path).exists()]


def remove_from_inbox(source: Source, home: Home) -> None:
    """Take the received files of a source and its sidecar out of the inbox, and the folders that became empty."""
    inbox = home.inbox.resolve()
    if not source.path.resolve().is_relative_to(inbox):
        return
    folders = {source.path.resolve().parent}
    for part in source.parts:
        part.path.unlink(missing_ok=True)
        _remove_what_speaks_of(part.path)
        folders.add(part.path.resolve().parent)
    _remove_what_speaks_of(source.path)
    for folder in sorted(folders, reverse=True):
        _remove_empty(folder, inbox)


def _remove_what_speaks_of(path: Path) -> None:
    path.with_name(path.name + SIDECAR_SUFFIX).unlink(missing_ok=True)
    mark = marker(path)
    if mark is not None:
        mark.unlink(missing_ok=True)


def _remove_empty(folder: Path, inbox: Path) -> None:
    """Remove a folder and those above it up to the inbox, as far as they hold nothing."""
    while folder != inbox:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass  # Another landing of the same folder was faster.
        except OSError:
            return
        folder = folder.parent
