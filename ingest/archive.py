"""The archive: every received file, encrypted, by the hash of its bytes, with a manifest a submission."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edu.contract import Contract
from edu.errors import EduError
from edu.paths import Home
from edu.pseudonym import PlatformKey

CHUNK_BYTES = 1 << 20
MAGIC = b"EDUA1"
NONCE_PREFIX_BYTES = 7
TAG_BYTES = 16


class ArchiveError(EduError):
    """An archived file is missing, was tampered with, or belongs to another key."""

    def __init__(self, sha256: str, problem: str) -> None:
        self.sha256 = sha256
        super().__init__(f"archive entry {sha256}: {problem}. Restore it from a backup.")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; of a bundle folder, that over its sorted names and file hashes."""
    if path.is_dir():
        parts = sorted(item for item in path.rglob("*") if item.is_file() and not item.name.startswith("."))
        text = "\n".join(f"{item.relative_to(path).as_posix()}\t{sha256_of(item)}" for item in parts)
        return hashlib.sha256(text.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def archive_path(home: Home, sha256: str) -> Path:
    """Return where the encrypted bytes of a hash are."""
    return home.archive / sha256[:2] / f"{sha256}.bin"


def _chunks(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces and whether each is the last; an empty stream gives one empty last piece."""
    piece = stream.read(size)
    while True:
        following = stream.read(size)
        yield piece, not following
        if not following:
            return
        piece = following


def _nonce(prefix: bytes, index: int, is_last: bool) -> bytes:
    # Position and end are part of the nonce, so pieces cannot be reordered, dropped or cut off unseen.
    return prefix + struct.pack(">I", index) + bytes([is_last])


def store(home: Home, key: PlatformKey, path: Path, sha256: str) -> Path:
    """Encrypt a file into the archive (AES-256-GCM in pieces of 1 MiB); the same bytes are stored once."""
    final = archive_path(home, sha256)
    if final.exists():
        return final
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    cipher = AESGCM(key.derive("archive"))
    prefix = os.urandom(NONCE_PREFIX_BYTES)
    aside = final.with_name(f".{final.name}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(handle, "wb") as target:
        target.write(MAGIC + prefix)
        for index, (piece, is_last) in enumerate(_chunks(source, CHUNK_BYTES)):
            target.write(cipher.encrypt(_nonce(prefix, index, is_last), piece, sha256.encode()))
        target.flush()
        os.fsync(target.fileno())
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
    cipher = AESGCM(key.derive("archive"))
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("wb") as out:
        head = source.read(len(MAGIC) + NONCE_PREFIX_BYTES)
        if head[: len(MAGIC)] != MAGIC:
            raise ArchiveError(sha256, "the entry is no archive file")
        for index, (piece, is_last) in enumerate(_chunks(source, CHUNK_BYTES + TAG_BYTES)):
            try:
                plain = cipher.decrypt(_nonce(head[len(MAGIC) :], index, is_last), piece, sha256.encode())
            except InvalidTag:
                raise ArchiveError(sha256, "the bytes were changed or the key is another") from None
            digest.update(plain)
            out.write(plain)
    if digest.hexdigest() != sha256:
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
        ArchiveError: it is missing or cannot be read.
    """
    try:
        content: dict[str, Any] = json.loads(manifest_path(home, submission_id).read_text(encoding="utf-8"))
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
    aside.write_text(json.dumps(contract.model_dump(mode="json"), ensure_ascii=False, sort_keys=True), encoding="utf-8")
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
        contract = Contract.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise ArchiveError(digest, "the contract does not fit this version's model") from None
    if contract.digest != digest:
        raise ArchiveError(digest, "the contract does not have this digest")
    return contract
