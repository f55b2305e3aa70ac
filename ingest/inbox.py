"""What there is to land: files, folder trees, bundles of partitioned files, and plans for parallel landing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edu.errors import EduError, ExitCode
from edu.paths import Home
from ingest.roster import Roster, form_of, form_of_zip
from ingest.submission import SIDECAR_SUFFIX
from ingest.uploads import complete, is_marker, is_temporary, marker, never_completed


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


def _is_data_file(path: Path) -> bool:
    return (
        path.is_file()
        and not path.name.startswith((".", "~$"))
        and not path.name.endswith(SIDECAR_SUFFIX)
        and not is_temporary(path.name)
        and not is_marker(path)
    )


def _roster(folder: Path) -> Source | None:
    """Return a folder whose files are a roster as one source."""
    files = {item.name: item for item in sorted(folder.iterdir()) if _is_data_file(item)}
    form = form_of(files)
    if form is None:
        return None
    parts = tuple(Part(path, name, ()) for name, path in files.items())
    return Source(folder, parts, is_bundle=True, roster=Roster(form))


def _file(path: Path) -> Source:
    form = form_of_zip(path) if path.suffix.lower() == ".zip" else None
    return Source(path, (Part(path, None, ()),), is_bundle=False, roster=Roster(form) if form else None)


def _is_bundle(folder: Path) -> bool:
    return any(item.is_dir() and "=" in item.name for item in folder.iterdir())


def _bundle(folder: Path) -> Source:
    parts = []
    for path in sorted(item for item in folder.rglob("*") if _is_data_file(item)):
        relative = path.relative_to(folder)
        constants = tuple(
            (key, value) for key, _, value in (piece.partition("=") for piece in relative.parts[:-1]) if value
        )
        parts.append(Part(path, relative.as_posix(), constants))
    if not parts:
        raise NothingToCollectError(folder, "the folder of partitions holds no file.")
    return Source(folder, tuple(parts), is_bundle=True)


def _tree(folder: Path) -> Iterable[Source]:
    if _is_bundle(folder):
        yield _bundle(folder)
        return
    roster = _roster(folder)
    if roster:
        yield roster
        return
    for item in sorted(folder.iterdir()):
        if item.is_dir() and not item.name.startswith("."):
            yield from _tree(item)
        elif _is_data_file(item):
            yield _file(item)


def discover(path: Path) -> list[Source]:
    """Return the sources at a path, in name order.

    Raises:
        EmptyFolderError: the folder holds no file.
        NothingToCollectError: the path does not exist or may not be read.
    """
    try:
        if path.is_file():
            return [_file(path)]
        if not path.is_dir():
            raise NothingToCollectError(path, "there is no such file or folder; check the path.")
        sources = list(_tree(path))
    except PermissionError:
        raise NothingToCollectError(path, "may not be read; give the platform's user permission.") from None
    if not sources:
        raise EmptyFolderError(path)
    return sources


def plan(home: Home, batches: int = 16) -> list[int]:
    """Divide what lies in the inbox into at most `batches` plans of about equal bytes; return their numbers.

    A plan is a file under `tmp/plan/`, because original names hold people's names and must not pass through an
    orchestrator. The same inbox gives the same plans.
    """
    folder = home.tmp / "plan"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    sources = complete(list(_tree(home.inbox)), home) if home.inbox.is_dir() else []
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
        (folder / f"{number}.json").write_text(json.dumps(paths, ensure_ascii=False), encoding="utf-8")
    return list(range(len(plans)))


def count_never_completed(home: Home) -> int:
    """Return how many uploads lie incomplete in the inbox for longer than the stated age."""
    return never_completed(_tree(home.inbox), home) if home.inbox.is_dir() else 0


def read_plan(home: Home, number: int) -> list[Path]:
    """Return the paths of a plan that are still there."""
    paths = json.loads((home.tmp / "plan" / f"{number}.json").read_text(encoding="utf-8"))
    return [Path(path) for path in paths if Path(path).exists()]


def remove_from_inbox(source: Source, home: Home) -> None:
    """Take a received file and its sidecar out of the inbox, and the folders that became empty."""
    inbox = home.inbox.resolve()
    path = source.path.resolve()
    if not path.is_relative_to(inbox):
        return
    if source.is_bundle:
        shutil.rmtree(path)
    else:
        path.unlink()
    path.with_name(path.name + SIDECAR_SUFFIX).unlink(missing_ok=True)
    mark = marker(path)
    if mark is not None:
        mark.unlink(missing_ok=True)
    folder = path.parent
    while folder != inbox and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
