"""Files sealed with a key: AES-256-GCM in pieces of 1 MiB, read and written as streams whatever their size.

A sealed file is a mark of its kind, a random prefix, then the pieces. The position of a piece and whether it is the last
are part of its nonce, so pieces cannot be reordered, dropped or cut off unseen.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edu.errors import EduError

CHUNK_BYTES = 1 << 20
NONCE_PREFIX_BYTES = 7
TAG_BYTES = 16


class SealError(EduError):
    """A sealed file does not open: `problem` says whether it is none, or was changed or sealed with another key."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"a sealed file does not open: {problem}. Restore it from a backup.")


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
    return prefix + struct.pack(">I", index) + bytes([is_last])


def seal(source: BinaryIO, target: BinaryIO, key: bytes, mark: bytes, bound: bytes = b"") -> bytes:
    """Write `source` to `target` sealed with a 32-byte key; return the SHA-256 of the plain bytes.

    `mark` opens the file and tells its kind; `bound` is not stored, but must be the same to open it.
    """
    cipher, prefix, digest = AESGCM(key), os.urandom(NONCE_PREFIX_BYTES), hashlib.sha256()
    target.write(mark + prefix)
    for index, (piece, is_last) in enumerate(_chunks(source, CHUNK_BYTES)):
        digest.update(piece)
        target.write(cipher.encrypt(_nonce(prefix, index, is_last), piece, bound))
    return digest.digest()


def unseal(source: BinaryIO, target: BinaryIO | None, key: bytes, mark: bytes, bound: bytes = b"") -> bytes:
    """Write the plain bytes of a sealed file to `target`, where there is one; return their SHA-256.

    Raises:
        SealError: the file is of another kind, was changed, or was sealed with another key.
    """
    head = source.read(len(mark) + NONCE_PREFIX_BYTES)
    if head[: len(mark)] != mark:
        raise SealError("the entry is no sealed file")
    cipher, prefix, digest = AESGCM(key), head[len(mark) :], hashlib.sha256()
    for index, (piece, is_last) in enumerate(_chunks(source, CHUNK_BYTES + TAG_BYTES)):
        try:
            plain = cipher.decrypt(_nonce(prefix, index, is_last), piece, bound)
        except (InvalidTag, ValueError):
            raise SealError("the bytes were changed or the key is another") from None
        digest.update(plain)
        if target is not None:
            target.write(plain)
    return digest.digest()
