"""The platform key and the pseudonyms made with it.

A pseudonym is the first 128 bits of HMAC-SM3 (GB/T 32905, RFC 2104) over namespace, a separator and the canonical
value: without the key the space of ID numbers cannot be enumerated (GB/T 37964-2019).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edu.errors import KeyFileError
from edu.keyed_hash import DIGEST_BYTES, hash_all
from edu.paths import Home
from edu.settings import get_settings

KEY_BYTES = 32
SEPARATOR = b"\x1f"


@dataclass(frozen=True)
class PlatformKey:
    """The installation's secret; everything else is derived from it."""

    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal characters that tell keys apart and reveal nothing."""
        return hashlib.sha256(b"fingerprint" + SEPARATOR + self.secret).hexdigest()[:16]

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(self.secret)


def key_path(home: Home) -> Path:
    """Return where the key of this installation is."""
    return get_settings().key_file or home.vault / "platform.key"


def load_key(home: Home) -> PlatformKey:
    """Read the key.

    Raises:
        KeyFileError: the file is missing, unreadable or no key.
    """
    return read_key(key_path(home))


def read_key(path: Path) -> PlatformKey:
    """Read a key from a file; see `load_key`."""
    try:
        text = path.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except FileNotFoundError:
        raise KeyFileError(f"key file {path} is missing; restore it from your copy.") from None
    except (OSError, ValueError) as error:
        raise KeyFileError(f"key file {path} cannot be read: {type(error).__name__}.") from None
    if len(secret) != KEY_BYTES:
        raise KeyFileError(f"key file {path} does not hold {KEY_BYTES} bytes; restore it from your copy.")
    return PlatformKey(secret)


def load_or_create_key(home: Home) -> PlatformKey:
    """Return the key; make it (mode 0600) where no data exists yet that another key made.

    Raises:
        KeyFileError: the key is missing although a lake or an archive exists.
    """
    path = key_path(home)
    if path.exists():
        return load_key(home)
    if any(home.archive.rglob("*.bin")) or any(home.lake.glob("*/*/b*.parquet")):
        raise KeyFileError(
            f"key file {path} is missing, but a lake or an archive exists. A new key would strand them: restore "
            f"the file from your copy, or begin with an empty EDU_HOME."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return load_key(home)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return load_key(home)


def _parts(values: pa.Array) -> tuple[bytes, bytes]:
    """Return the offsets and bytes of an array of texts without nulls."""
    _, offsets, data = values.buffers()
    own = offsets.slice(4 * values.offset, 4 * (len(values) + 1)).to_pybytes()
    first, last = (struct.unpack_from("i", own, at)[0] for at in (0, 4 * len(values)))
    return own, data.slice(first, last - first).to_pybytes() if data else b""


def _fixed_width(text: bytes) -> pa.Array:
    """Return texts of one width, laid end to end, as an array without a copy of each."""
    width = 2 * DIGEST_BYTES
    count = len(text) // width
    offsets = array("i", range(0, len(text) + 1, width))
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text)])


def keyed_hashes(key: PlatformKey, purpose: str, texts: pa.Array) -> pa.Array:
    """Return HMAC-SHA256 of texts under the key of a purpose, the first 128 bits in 32 hexadecimal characters; null of null."""
    present = texts.drop_null()
    if not len(present):
        return pa.nulls(len(texts), pa.string())
    made = _fixed_width(hash_all(key.derive(purpose), b"", *_parts(present), algorithm="sha256"))
    return (
        made
        if not texts.null_count
        else pc.replace_with_mask(pa.nulls(len(texts), pa.string()), texts.is_valid(), made)
    )


def pseudonyms(
    key: PlatformKey, namespace: str, values: Sequence[str] | pa.Array, *, purpose: str = "pseudonym"
) -> pa.Array:
    """Return one pseudonym (32 hexadecimal characters) for each canonical value, in the same order.

    `purpose` names the key that is derived; a receiver of shared data has one of its own.
    """
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    if not len(texts):
        return pa.array([], pa.string())
    return _fixed_width(hash_all(key.derive(purpose), namespace.encode() + SEPARATOR, *_parts(texts)))
