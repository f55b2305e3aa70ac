"""Gives an installation back from a backup, into an empty folder, and checks it before it says so."""

from __future__ import annotations

import os
from pathlib import Path

from edu import audit
from edu.errors import EduError, ExitCode, KeyFileError
from edu.paths import Home
from edu.pseudonym import PlatformKey, key_path, read_key
from edu.settings import get_settings
from warehouse.backup.contents import COMMITTED_BY
from warehouse.backup.store import BackupBrokenError, BackupPlaceError, Manifest, Store
from warehouse.digest import digest
from warehouse.publish import current_file

UNFINISHED = ".restoring"
"""Stands in the folder until all is there and was checked; a restore that was killed may be run again over it."""


class RestoreTargetError(EduError):
    """The folder to restore into holds something."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not empty; a restore never writes over an installation. Name an empty folder.")


def restore_backup(
    folder: Path, into: Home, *, actor: str, backup_id: str | None = None, key_file: Path | None = None
) -> Manifest:
    """Write a backup's files into an empty folder, and check every content and the digest of what is served.

    Receipts and other commit records are written last, so a restore that is killed leaves nothing that counts.

    Args:
        folder: the folder of backups.
        into: the installation to make; may hold nothing but its key.
        actor: who restores; the audit log that was restored names them.
        backup_id: which backup; the newest where null.
        key_file: a copy of the key; where null the setting's file, else that in the folder.

    Raises:
        KeyFileError: the key is missing, or is not the one that the backup was made with.
        RestoreTargetError: the target is not empty.
        BackupPlaceError: there is no such backup.
        BackupBrokenError: a content is missing or was changed; the target stays unfinished.
    """
    key = read_key(key_file or key_path(into))
    _check_installed(key)
    store = Store(folder.resolve(), key)
    ids = store.backup_ids()
    if not ids or (backup_id and backup_id not in ids):
        raise BackupPlaceError(folder, f"holds no backup {backup_id or ''}. Backups: {', '.join(ids) or 'none'}.")
    manifest = store.read_manifest(backup_id or ids[-1])
    _claim(into, manifest)
    into.ensure()
    problems = _write(store, manifest, into)
    if problems:
        raise BackupBrokenError(folder, problems)
    _install_key(into, key)
    _check(into, manifest)
    (into.root / UNFINISHED).unlink()
    ended_at, exported_to = audit.ends(into)
    details = {"created_at": manifest.created_at, "log_ended_at": ended_at, "exported_to": exported_to}
    audit.append(into, audit.RESTORE, actor, "恢复", manifest.backup_id, details)
    return manifest


def _check_installed(key: PlatformKey) -> None:
    """Refuse where `EDU_KEY_FILE` names another key than the backup is opened with: nothing would open afterwards."""
    named = get_settings().key_file
    if named is not None and read_key(named).fingerprint != key.fingerprint:
        raise KeyFileError(
            f"EDU_KEY_FILE ({named}) is another key than --key. Name the one that belongs to the backup."
        )


def _claim(into: Home, manifest: Manifest) -> None:
    """Mark the target as unfinished; it may hold its key, or what an earlier attempt at the same backup left."""
    marker = into.root / UNFINISHED
    if marker.exists() and marker.read_text(encoding="utf-8") == manifest.backup_id:
        return
    if any(path.is_file() and path != into.vault / "platform.key" for path in into.root.rglob("*")):
        raise RestoreTargetError(into.root)
    into.root.mkdir(parents=True, exist_ok=True)
    marker.write_text(manifest.backup_id, encoding="utf-8")


def _write(store: Store, manifest: Manifest, into: Home) -> list[str]:
    """Write files and links; return what is wrong with contents. Commit records come last."""
    records = tuple(f"{name}/" for name in set(COMMITTED_BY.values()))
    problems = []
    for entry in sorted(manifest.entries, key=lambda item: (item.path.startswith(records), item.path)):
        target = into.root / entry.path
        _make_folder(target.parent, into.root, is_private=not entry.mode & 0o077)
        aside = target.with_name(f".{target.name}.part")
        aside.unlink(missing_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT, 0o600))
        problem = store.get(entry.digest, aside)
        if problem:
            aside.unlink()
            problems.append(f"{entry.path} {problem}")
            continue
        aside.chmod(entry.mode)
        os.utime(aside, ns=(entry.mtime_ns, entry.mtime_ns))
        aside.replace(target)
    for name, points_at in manifest.links.items():
        link = into.root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(points_at)
    return problems


def _make_folder(folder: Path, root: Path, *, is_private: bool) -> None:
    """Make a folder below the installation; one that holds private files is closed to others."""
    if folder.exists():
        return
    _make_folder(folder.parent, root, is_private=is_private)
    folder.mkdir(mode=0o700 if is_private else 0o755)


def _install_key(into: Home, key: PlatformKey) -> None:
    path = key_path(into)
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key.secret.hex() + "\n")


def _check(into: Home, manifest: Manifest) -> None:
    """Compare the digest of what is served with the one it had when the backup was made.

    Raises:
        BackupBrokenError: it is another.
    """
    if manifest.served_digest and digest(current_file(into)) != manifest.served_digest:
        raise BackupBrokenError(into.root, [f"version {manifest.served_version} has another digest than was served"])
