"""A folder of backups: sealed contents by a keyed digest, and one manifest a backup, written last.

    DIR/objects/<first two>/<digest>    one content, sealed; the same content is stored once for all backups
    DIR/backups/<backup_id>.json        paths, digests and modes of one backup, with a MAC over all of it

All is sealed with keys derived from the platform key, so whoever finds the folder reads nothing, and nothing in it can be
changed unseen. Folders are mode 0700, files 0600.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edu.errors import EduError, ExitCode, KeyFileError
from edu.paths import PRIVATE_DIR_MODE
from edu.pseudonym import PlatformKey
from edu.sealed import SealError, seal, unseal

FORMAT = 1
MARK = b"EDUB1"
PART = ".part"
BROKEN = ".broken"
CHANGED = "was changed"


class BackupPlaceError(EduError):
    """The folder of backups cannot be used as asked."""

    exit_code = ExitCode.USAGE

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"backup folder {folder}: {problem}")


class BackupBusyError(EduError):
    """Another process is writing the folder of backups."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"backup folder {folder} is being written by another process. Wait for its end and try again.")


class BackupBrokenError(EduError):
    """A backup is not what was written; names what of it."""

    def __init__(self, folder: Path, problems: list[str]) -> None:
        self.problems = problems
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        super().__init__(
            f"backup folder {folder}: {shown}. Restore from another backup, and make a new one in an empty folder."
        )


@dataclass(frozen=True)
class Entry:
    """One file of a backup."""

    path: str
    """Below EDU_HOME, with slashes."""
    digest: str
    """Keyed digest of its plain bytes, which is also the name of its object."""
    size: int
    mode: int
    mtime_ns: int


@dataclass
class Manifest:
    """What one backup holds."""

    backup_id: str
    created_at: str
    key_fingerprint: str
    code_version: str
    receipts: int
    """Files of receipts, hence landed batches."""
    served_version: str | None = None
    served_digest: str | None = None
    """`edu digest` of the published version that was served."""
    entries: list[Entry] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links and what they point at."""
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Plain bytes of all files."""
        return sum(entry.size for entry in self.entries)


class Store:
    """One folder of backups, read and written with one key."""

    def __init__(self, folder: Path, key: PlatformKey) -> None:
        self.folder = folder
        self.fingerprint = key.fingerprint
        self._content_key = key.derive("backup-content")
        self._name_key = key.derive("backup-name")
        self._manifest_key = key.derive("backup-manifest")

    @property
    def manifests(self) -> Path:
        return self.folder / "backups"

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    def object_path(self, digest: str) -> Path:
        """Return where a content is."""
        return self.objects / digest[:2] / digest

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder where it is missing and hold it for one writer.

        Raises:
            BackupBusyError: another process writes it.
            BackupPlaceError: it cannot be written, or holds what is no backup.
            KeyFileError: its backups were made with another key.
        """
        try:
            if self.folder.exists() and not self.manifests.exists() and any(self.folder.iterdir()):
                raise BackupPlaceError(self.folder, "holds other files. Name an empty folder or one of backups.")
            for folder in (self.folder, self.manifests, self.objects):
                folder.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
                folder.chmod(PRIVATE_DIR_MODE)
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BackupPlaceError(self.folder, f"cannot be written ({error.strerror}).") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupBusyError(self.folder) from None
            yield
        except OSError as error:
            raise BackupPlaceError(self.folder, f"the backup ended early ({error.strerror}). Run it again.") from None
        finally:
            os.close(handle)

    def put(self, path: Path) -> tuple[str, int]:
        """Seal a file into the store, once for the same content; return its digest and its size."""
        aside = self.objects / f".{os.getpid()}{PART}"
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with path.open("rb") as source, os.fdopen(handle, "wb") as target:
            digest = self._name(seal(source, target, self._content_key, MARK))
            size = source.tell()
            target.flush()
            os.fsync(target.fileno())
        final = self.object_path(digest)
        final.parent.mkdir(mode=PRIVATE_DIR_MODE, exist_ok=True)
        # What stands there may be damaged; this copy has just been sealed.
        aside.replace(final)
        self._aside_path(digest).unlink(missing_ok=True)
        return digest, size

    def set_aside(self, digest: str) -> None:
        """Take a damaged content out of the way, so that the next backup seals its file anew."""
        path = self.object_path(digest)
        if path.exists():
            path.replace(self._aside_path(digest))

    def _aside_path(self, digest: str) -> Path:
        path = self.object_path(digest)
        return path.with_name(f"{path.name}{BROKEN}")

    def _name(self, plain_sha256: bytes) -> str:
        # A plain hash would tell whether a guessed content is in the backup.
        return hmac.digest(self._name_key, plain_sha256, sha256).hex()

    def get(self, digest: str, target: Path | None) -> str | None:
        """Write a content to `target`, where there is one; return what is wrong with it, null where nothing is."""
        try:
            with self.object_path(digest).open("rb") as source:
                if target is None:
                    found = unseal(source, None, self._content_key, MARK)
                else:
                    with target.open("wb") as out:
                        found = unseal(source, out, self._content_key, MARK)
        except FileNotFoundError:
            return CHANGED if self._aside_path(digest).exists() else "is missing"
        except SealError:
            return CHANGED
        return None if self._name(found) == digest else CHANGED

    def write_manifest(self, manifest: Manifest) -> None:
        """Write a manifest whole or not at all; with it, and not before, the backup exists."""
        content = asdict(manifest)
        content["mac"] = self._mac(content)
        final = self.manifests / f"{manifest.backup_id}.json"
        aside = final.with_name(f".{final.name}{PART}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(final)

    def _mac(self, content: dict[str, Any]) -> str:
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hmac.digest(self._manifest_key, text.encode(), sha256).hex()

    def backup_ids(self) -> list[str]:
        """Return the backups of the folder, oldest first."""
        return sorted(path.stem for path in self.manifests.glob("*.json") if not path.name.startswith("."))

    def read_manifest(self, backup_id: str) -> Manifest:
        """Return one backup's manifest.

        Raises:
            KeyFileError: it was made with another key.
            BackupBrokenError: it is cut off or was changed.
        """
        try:
            content = json.loads((self.manifests / f"{backup_id}.json").read_text(encoding="utf-8"))
            fingerprint, mac = str(content["key_fingerprint"]), str(content.pop("mac"))
        except (OSError, ValueError, KeyError, TypeError):
            raise BackupBrokenError(self.folder, [f"the manifest of {backup_id} cannot be read"]) from None
        if fingerprint != self.fingerprint:
            raise KeyFileError(
                f"backup {backup_id} was made with the key of fingerprint {fingerprint}; the key at hand has "
                f"{self.fingerprint}. Use the copy of the key that belongs to it (EDU_KEY_FILE or --key)."
            )
        if not hmac.compare_digest(self._mac(content), mac) or content["format"] != FORMAT:
            raise BackupBrokenError(self.folder, [f"the manifest of {backup_id} was changed"])
        entries = [Entry(**entry) for entry in content.pop("entries")]
        return Manifest(**content, entries=entries)

    def remove(self, backup_ids: list[str]) -> None:
        """Remove manifests; their contents go with `remove_unused`."""
        for backup_id in backup_ids:
            (self.manifests / f"{backup_id}.json").unlink()

    def remove_unused(self, used: set[str]) -> int:
        """Remove contents that no manifest names, and what a killed run left; return how many contents."""
        for left in [*self.objects.glob(f".*{PART}"), *self.manifests.glob(f".*{PART}")]:
            left.unlink()
        unused = [path for path in self.objects.glob("*/*") if path.name not in used]
        for path in unused:
            path.unlink()
        return len(unused)
