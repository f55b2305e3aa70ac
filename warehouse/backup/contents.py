"""What of an installation is precious, and which of it belongs together at one moment.

In a backup is what cannot be made again: what was received (archive, quarantine, vault), what was recorded of it and
decided (runs), what was published and what was hidden in it. The lake is in it too, because landing all again takes long.
Left out is what is made from these (warehouse, pages of gates, outbox, logs), what expires (answers of the vault), what its
sender still has (inbox), and the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edu.audit import head_path
from edu.errors import EduError
from edu.paths import Home
from edu.pseudonym import key_path

PARTS = ("archive", "lake", "quarantine", "runs", "vault", "published", "suppression", "connectors")
LEFT_OUT = ("runs/data_docs", "vault/revealed", "vault/platform.key")
HEAD = "logs/audit-head/audit-head.jsonl"
BATCH_RECORDS = "runs/submission"
COMMITTED_BY = {
    "lake": BATCH_RECORDS,
    "quarantine": BATCH_RECORDS,
    "runs/finding": BATCH_RECORDS,
    "runs/unit": BATCH_RECORDS,
    "runs/batch_file": BATCH_RECORDS,
    "vault/segments": BATCH_RECORDS,
    "vault/match": BATCH_RECORDS,
    "runs/approval_seen": "runs/approval",
    "runs/official_figure": "runs/official_release",
}
"""Folder to the records that are written last and without which its files of the same name do not count."""
PUBLICATION = (
    *("published/changelog.json", "published/persons.json"),
    *("suppression/history.json", "suppression/means.parquet"),
)
"""Files that a publication changes one after another; with the links they must be of one publication."""


class DisturbedError(EduError):
    """Something was published, removed or replaced while it was copied, so the copy would not be of one moment."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} changed while the backup was made; the earlier backups stand. Run it again.")


@dataclass(frozen=True)
class Commits:
    """The commit records that were there when the backup began: a landing that ends later is not in it."""

    names: dict[str, frozenset[str]]

    def counts(self, path: str) -> bool:
        """Whether a file (below EDU_HOME, with slashes) belongs to what was committed."""
        for folder, records in COMMITTED_BY.items():
            if path.startswith(f"{folder}/"):
                return Path(path).stem in self.names[records]
        return not any(path.startswith(f"{records}/") for records in self.names) or (
            Path(path).stem in self.names[path.rsplit("/", 1)[0]]
        )

    @property
    def batches(self) -> int:
        """How many batches had landed."""
        return sum(not name.startswith("_") for name in self.names[BATCH_RECORDS])


def read_commits(home: Home) -> Commits:
    """Return the commit records of this moment."""
    return Commits(
        {
            records: frozenset(path.stem for path in (home.root / records).glob("*.parquet"))
            for records in set(COMMITTED_BY.values())
        }
    )


def read_links(home: Home) -> dict[str, str]:
    """Return the links of what is served and what they point at."""
    return {f"published/{path.name}": str(path.readlink()) for path in home.published.glob("*") if path.is_symlink()}


def read_publication(home: Home) -> dict[str, tuple[int, int] | str]:
    """Return what tells one publication from the next: links, and size and time of the files that go with them."""
    signs: dict[str, tuple[int, int] | str] = dict(read_links(home))
    for name in PUBLICATION:
        path = home.root / name
        if path.exists():
            signs[name] = (path.stat().st_size, path.stat().st_mtime_ns)
    return signs


def source_of(home: Home, path: str) -> Path:
    """Return where a file of the backup is in an installation; the heads of the audit log may lie elsewhere."""
    return head_path(home) if path == HEAD else home.root / path


def files(home: Home, commits: Commits, part: str) -> Iterator[str]:
    """Yield the files of a part that belong to a backup, in name order."""
    key = key_path(home).resolve()
    for path in sorted((home.root / part).rglob("*")):
        name = path.relative_to(home.root).as_posix()
        is_hidden = any(piece.startswith(".") for piece in name.split("/"))
        if is_hidden or path.is_symlink() or not path.is_file() or path.resolve() == key:
            continue
        if not any(name == left or name.startswith(f"{left}/") for left in LEFT_OUT) and commits.counts(name):
            yield name
