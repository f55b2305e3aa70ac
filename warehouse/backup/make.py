"""Makes a backup: only contents that the folder lacks are written, and the manifest last."""

from __future__ import annotations

import importlib.metadata
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from edu import audit, vault
from edu.clock import now
from edu.paths import Home
from edu.pseudonym import load_key
from warehouse.backup.contents import (
    HEAD,
    PARTS,
    DisturbedError,
    files,
    read_commits,
    read_links,
    read_publication,
    source_of,
)
from warehouse.backup.store import (
    CHANGED,
    BackupBrokenError,
    BackupBusyError,
    BackupPlaceError,
    Entry,
    Manifest,
    Store,
)
from warehouse.publish import current_version, read_changelog

VAULT_PART = "vault"
ID_PARTS = 3
"""Time, number within it, and what no other folder has."""


@dataclass
class Backup:
    """What a backup did."""

    manifest: Manifest
    added: int = 0
    """Files that were read and sealed; the others stood in the backup before."""
    removed: list[str] = field(default_factory=list)
    """Earlier backups that are past their keeping."""
    problems: list[str] = field(default_factory=list)
    """Earlier backups that cannot be read; while there are any, nothing is removed."""


def make_backup(home: Home, folder: Path, *, actor: str, keep: int, keep_days: int) -> Backup:
    """Back up an installation into a folder, while landings may go on; then remove backups that are past their keeping.

    A backup that is killed leaves the earlier ones whole, and the next one goes on from what it had sealed.

    Args:
        home: the installation.
        folder: the folder of backups, empty at first, outside EDU_HOME.
        actor: who asks for it; the audit log names them.
        keep: how many of the newest backups stay, however old.
        keep_days: backups younger than this stay too.

    Raises:
        KeyFileError: the key is missing, or the folder's backups were made with another.
        BackupPlaceError, BackupBusyError: the folder cannot be used, or is in use.
        VaultBusyError: the vault is being merged.
        DisturbedError: something was published or removed meanwhile.
    """
    place = folder.resolve()
    if place == home.root or home.root in place.parents or place in home.root.parents:
        raise BackupPlaceError(folder, "is within EDU_HOME or around it; what destroys one would destroy both.")
    store = Store(place, load_key(home))
    moment = now()
    with store.writing():
        backup_id = _next_id(store, moment)
        earlier, problems = _readable(store)
        # Before what is served is described, so that a publication in between is noticed too.
        publication = read_publication(home)
        done = Backup(_describe(home, store, backup_id, moment), problems=problems)
        audit.append(home, "backup", actor, "备份", backup_id, {"folder": place.name})
        former = {entry.path: entry for entry in earlier[-1].entries} if earlier else {}
        try:
            _copy(home, store, done, former)
            if read_publication(home) != publication:
                raise DisturbedError("what is published")
        except FileNotFoundError as error:
            raise DisturbedError(Path(str(error.filename)).name) from None
        store.write_manifest(done.manifest)
        if not problems:
            done.removed = _prune(store, [*earlier, done.manifest], keep, moment - timedelta(days=keep_days))
    return done


def _next_id(store: Store, moment: datetime) -> str:
    """Return a name that sorts after all others, also within one second: which is the newest is told by names alone,
    because the contents of a damaged manifest cannot be read.
    """
    stamp = f"{moment:%Y%m%dT%H%M%S}"
    last = max((name.split("-") for name in store.backup_ids()), default=[""])
    if last[0] < stamp:
        return f"{stamp}-000-{uuid.uuid4().hex[:8]}"
    number = int(last[1]) + 1 if len(last) == ID_PARTS else 0
    return f"{last[0]}-{number:03}-{uuid.uuid4().hex[:8]}"


def _readable(store: Store) -> tuple[list[Manifest], list[str]]:
    """Return the manifests of the folder, oldest first, and what is wrong with those that cannot be read.

    Raises:
        KeyFileError: one was made with another key.
    """
    manifests, problems = [], []
    for backup_id in store.backup_ids():
        try:
            manifests.append(store.read_manifest(backup_id))
        except BackupBrokenError as error:
            problems += error.problems
    return manifests, problems


def _describe(home: Home, store: Store, backup_id: str, moment: datetime) -> Manifest:
    version = current_version(home)
    served = next((entry for entry in read_changelog(home) if entry["version"] == version), None)
    return Manifest(
        backup_id=backup_id,
        created_at=moment.isoformat(),
        key_fingerprint=store.fingerprint,
        code_version=importlib.metadata.version("jingzhou-education-data-platform"),
        receipts=0,
        served_version=version,
        served_digest=served["digest"] if served else None,
    )


def _copy(home: Home, store: Store, done: Backup, former: dict[str, Entry]) -> None:
    """Copy all parts as of one moment; raise where what belongs together changed meanwhile."""
    commits = read_commits(home)
    done.manifest.receipts = commits.batches
    done.manifest.links = read_links(home)
    with vault.standing(home), audit.locked(home):
        # The log and its exported head belong together; so do the vault and the segments that it lacks.
        names = list(files(home, commits, VAULT_PART))
        names += [HEAD] if source_of(home, HEAD).exists() else []
        for name in names:
            _add(home, store, name, done, former)
    for part in PARTS:
        if part != VAULT_PART:
            for name in files(home, commits, part):
                _add(home, store, name, done, former)


def _add(home: Home, store: Store, name: str, done: Backup, former: dict[str, Entry]) -> None:
    path = source_of(home, name)
    state = path.stat()
    known = former.get(name)
    if (
        known is not None
        and (known.size, known.mtime_ns) == (state.st_size, state.st_mtime_ns)
        and store.object_path(known.digest).exists()
    ):
        digest, size = known.digest, known.size
    else:
        digest, size = store.put(path)
        done.added += 1
    done.manifest.entries.append(Entry(name, digest, size, state.st_mode & 0o777, state.st_mtime_ns))


def _prune(store: Store, manifests: list[Manifest], keep: int, since: datetime) -> list[str]:
    """Remove what is neither among the newest nor young enough; return the backups that went."""
    old = [m for m in manifests[:-keep] if datetime.fromisoformat(m.created_at) < since]
    gone = [manifest.backup_id for manifest in old]
    store.remove(gone)
    store.remove_unused({entry.digest for m in manifests if m.backup_id not in gone for entry in m.entries})
    return gone


@dataclass
class Verification:
    """What checking a folder of backups found."""

    backups: int = 0
    contents: int = 0
    size: int = 0
    """Plain bytes of the contents that were read."""
    problems: list[str] = field(default_factory=list)


def verify_backups(home: Home, folder: Path) -> Verification:
    """Read every manifest and every content of a folder of backups again, and compare with what was written.

    A damaged content is set aside, unless the folder is being written or cannot be: the next backup seals it anew where
    its file still stands.

    Raises:
        KeyFileError: the key is missing or another.
        BackupPlaceError: there is no backup.
    """
    store = Store(folder.resolve(), load_key(home))
    manifests, problems = _readable(store)
    if not manifests and not problems:
        raise BackupPlaceError(folder, "holds no backup.")
    found = Verification(len(manifests), problems=problems)
    where: dict[str, tuple[Entry, Manifest]] = {}
    for manifest in manifests:
        for entry in manifest.entries:
            where[entry.digest] = (entry, manifest)
    damaged = []
    for digest, (entry, manifest) in sorted(where.items()):
        problem = store.get(digest, None)
        found.contents += 1
        found.size += entry.size
        if problem:
            found.problems.append(f"backup {manifest.backup_id}: {entry.path} {problem}")
        if problem == CHANGED:
            damaged.append(digest)
    if damaged:
        _set_aside(store, damaged)
    return found


def _set_aside(store: Store, digests: list[str]) -> None:
    try:
        with store.writing():
            for digest in digests:
                # A backup that ended since it was read may have sealed it anew.
                if store.get(digest, None) == CHANGED:
                    store.set_aside(digest)
    except (BackupBusyError, BackupPlaceError):
        return
