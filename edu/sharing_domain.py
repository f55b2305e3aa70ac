"""Ids that the platform gives to a receiver: other ones for each receiver, and known again when they come back.

An id is the person's pseudonym permuted by SM4 (GB/T 32907) under a key derived for the receiver's domain, and a tag.
The pseudonym is one block of 128 bits, so the permutation is one to one: two domains cannot be joined without the key,
and the platform needs no list to know an id again. A person without an identifier gets a one-way id.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from edu.errors import EduError, ExitCode
from edu.pseudonym import PlatformKey

DOMAIN_SHAPE = re.compile(r"[a-z][a-z0-9_]{1,30}")
SYSTEM_PREFIX = "jz-"
"""Begins the system code of a bundle that the platform wrote; the domain follows."""
NAMESPACE_LETTERS = {
    "xjh": "a",
    "cn_id": "b",
    "passport": "c",
    "gh@school": "d",
    "oneroster@system": "e",
    "learner@system": "f",
    "xapi@homePage": "g",
}
ONE_WAY = "z"
BLOCK_BYTES = 16
TAG_BYTES = 6
ID_SHAPE = re.compile(r"(jz-[a-z][a-z0-9_]{1,30})[/:]?p([a-z])([0-9a-f]{32})([0-9a-f]{12})")
EVIDENCE_SHAPE = re.compile(r"([a-z_]+(?:@[A-Za-z]+)?):([0-9a-f]{32})")


class SharingDomainError(EduError):
    """A receiver's domain has a name that cannot be."""

    exit_code = ExitCode.USAGE

    def __init__(self, domain: str) -> None:
        super().__init__(f"sharing domain {domain!r}: use 2 to 31 of a-z, 0-9 and _, beginning with a letter.")


def check_domain(domain: str) -> str:
    """Return the name of a domain.

    Raises:
        SharingDomainError: it is none.
    """
    if not DOMAIN_SHAPE.fullmatch(domain):
        raise SharingDomainError(domain)
    return domain


def _permuted(key: PlatformKey, domain: str, blocks: bytes, *, is_back: bool) -> bytes:
    # One block a person, each of them a pseudonym and so unlike any other: the mode that chains nothing is right here.
    cipher = Cipher(SM4(key.derive(f"sharing/{domain}/permutation")[:BLOCK_BYTES]), modes.ECB())
    worker = cipher.decryptor() if is_back else cipher.encryptor()
    return worker.update(blocks) + worker.finalize()


def _tag(secret: bytes, letter: str, block: bytes) -> str:
    return hmac.digest(secret, letter.encode() + block, "sm3")[:TAG_BYTES].hex()


def domain_ids(key: PlatformKey, domain: str, person_ids: Sequence[str]) -> list[str]:
    """Return the id of each person in a receiver's domain, in the same order.

    Args:
        key: the platform key.
        domain: name of the receiver's domain.
        person_ids: evidence keys, `<namespace>:<pseudonym>`, or keys without an identifier.
    """
    check_domain(domain)
    secret = key.derive(f"sharing/{domain}/tag")
    one_way = key.derive(f"sharing/{domain}/one_way")
    letters, blocks = [], []
    for person_id in person_ids:
        match = EVIDENCE_SHAPE.fullmatch(person_id)
        letter = NAMESPACE_LETTERS.get(match[1]) if match else None
        letters.append(letter or ONE_WAY)
        blocks.append(
            bytes.fromhex(match[2])
            if match and letter
            else hmac.digest(one_way, person_id.encode(), "sm3")[:BLOCK_BYTES]
        )
    permuted = _permuted(key, domain, b"".join(blocks), is_back=False)
    pieces = [permuted[i : i + BLOCK_BYTES] for i in range(0, len(permuted), BLOCK_BYTES)]
    return [
        f"p{letter}{piece.hex()}{_tag(secret, letter, piece)}" for letter, piece in zip(letters, pieces, strict=True)
    ]


def recognise(key: PlatformKey, values: Sequence[str]) -> list[str | None]:
    """Return the person's evidence key for each `<system>/<id>` that the platform itself gave out, else null.

    A one-way id, an id of another domain than its system names, or one that was changed gives null.
    """
    letters = {letter: namespace for namespace, letter in NAMESPACE_LETTERS.items()}
    found: dict[str, list[tuple[int, str, bytes]]] = {}
    secrets: dict[str, bytes] = {}
    for position, value in enumerate(values):
        match = ID_SHAPE.fullmatch(value)
        if not match:
            continue
        domain = match[1].removeprefix(SYSTEM_PREFIX)
        secret = secrets.setdefault(domain, key.derive(f"sharing/{domain}/tag"))
        block = bytes.fromhex(match[3])
        if match[2] in letters and hmac.compare_digest(_tag(secret, match[2], block), match[4]):
            found.setdefault(domain, []).append((position, match[2], block))
    result: list[str | None] = [None] * len(values)
    for domain, entries in found.items():
        plain = _permuted(key, domain, b"".join(block for _, _, block in entries), is_back=True)
        for number, (position, letter, _) in enumerate(entries):
            start = number * BLOCK_BYTES
            result[position] = f"{letters[letter]}:{plain[start : start + BLOCK_BYTES].hex()}"
    return result
