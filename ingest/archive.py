"""The archive: every received file, encrypted, by the hash of its bytes, with a manifest a submission."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edu.batches import file_sha256
from edu.contract import Contract
from edu.errors import ContractDigestError, EduError
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.sealed import SealError, seal, unseal

MARK = b"EDUA1"


class _Part(BaseModel):
    """A file of a submission, as a manifest has to name it; `name` is null where it is the only one."""

    model_config = ConfigDict(strict=True)
    name: str | None
    sha256: str
    opened_sha256: str | None = None


class _Manifest(BaseModel):
    """What a manifest has to say, so that its submission can be landed again; see `ingest.submission.Metadata`."""

    model_config = ConfigDict(strict=True)
    dataset: str
    org: str
    period: str
    snapshot_date: date | None
    received_at: datetime
    coverage: str
    profile: str | None
    original_name: str
    sha256: str
    parts: list[_Part] = Field(min_length=1)


class ArchiveError(EduError):
    """An archived file is missing, was tampered with, or belongs to another key."""

    def __init__(self, sha256: str, problem: str) -> None:
        self.sha256 = sha256
        super().__init__(f"archive entry {sha256}: {problem}. Restore it from a backup.")


class ChangedFileError(EduError):
    """A file is no longer what it was when its landing began."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file}: it was written on or replaced while it was landed. It counts with the next landing.")


def sha256_of_bundle(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 over names and hashes of a bundle's files by name, in their order."""
    text = "\n".join(f"{name}\t{file_sha256(path)}" for name, path in files.items())
    return hashlib.sha256(text.encode()).hexdigest()


def archive_path(home: Home, sha256: str) -> Path:
    """Return where the encrypted bytes of a hash are."""
    return home.archive / sha256[:2] / f"{sha256}.bin"


def store(home: Home, key: PlatformKey, path: Path, sha256: str) -> Path:
    """Encrypt a file into the archive (AES-256-GCM in pieces of 1 MiB); the same bytes are stored once.

    Raises:
        ChangedFileError: the file no longer has this hash; nothing is stored.
    """
    final = archive_path(home, sha256)
    if final.exists():
        return final
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = final.with_name(f".{final.name}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(handle, "wb") as target:
        digest = seal(source, target, key.derive("archive"), MARK, sha256.encode())
        target.flush()
        os.fsync(target.fileno())
    if digest.hex() != sha256:
        aside.unlink()
        raise ChangedFileError(path.name)
    aside.replace(final)
    return final


def restore(home: Home, key: PlatformKey, sha256: str, target: Path) -> None:
    """Decrypt an archived file to `target` and check its hash.

    Raises:
        ArchiveError: the entry is missing, changed, or made with another key.
    """
    path = archive_path(home, sha256)
    if not path.exists():
        raise ArchiveError(sha256, "the entry is missing")
    try:
        with path.open("rb") as source, target.open("wb") as out:
            digest = unseal(source, out, key.derive("archive"), MARK, sha256.encode())
    except SealError as error:
        raise ArchiveError(sha256, error.problem) from None
    if digest.hex() != sha256:
        raise ArchiveError(sha256, "the content does not have this hash")


def manifest_path(home: Home, submission_id: str) -> Path:
    """Return where the manifest of a submission is."""
    return home.archive / "manifest" / f"{submission_id}.json"


def write_manifest(home: Home, submission_id: str, content: dict[str, Any]) -> Path:
    """Write what is known of a submission, its original file name included, once; mode 0600."""
    path = manifest_path(home, submission_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False, sort_keys=True, indent=1, default=str)
    aside.replace(path)
    return path


def read_manifest(home: Home, submission_id: str) -> dict[str, Any]:
    """Return the manifest of a submission.

    Raises:
        ArchiveError: it is missing, cannot be read, or does not say all that a landing needs.
    """
    try:
        text = manifest_path(home, submission_id).read_text(encoding="utf-8")
        _Manifest.model_validate_json(text)
        content: dict[str, Any] = json.loads(text)
    except FileNotFoundError:
        raise ArchiveError(submission_id, "the manifest is missing") from None
    except ValueError:
        raise ArchiveError(submission_id, "the manifest is broken") from None
    return content


def contract_path(home: Home, digest: str) -> Path:
    """Return where a contract is kept by its digest."""
    return home.archive / "contracts" / f"{digest}.json"


def store_contract(home: Home, contract: Contract) -> None:
    """Keep the contract that a landing uses, so that it can be replayed; the same one is stored once."""
    path = contract_path(home, contract.digest)
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    aside.write_text(contract.canonical_json, encoding="utf-8")
    aside.replace(path)


def load_contract(home: Home, digest: str) -> Contract:
    """Return a contract that a landing used.

    Raises:
        ArchiveError: it is not in the archive, was changed, or is of a model that the code no longer knows.
    """
    path = contract_path(home, digest)
    if not path.exists():
        raise ArchiveError(digest, "the contract is missing")
    try:
        return Contract.recorded(json.loads(path.read_text(encoding="utf-8")), digest)
    except ContractDigestError:
        raise ArchiveError(digest, "the contract does not have this digest") from None
    except ValueError:
        raise ArchiveError(digest, "the contract does not fit this version's model") from None
