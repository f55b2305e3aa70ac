"""Ids that the platform gives to a receiver: other ones for each receiver, and known again when they come back.

An id is the person's pseudonym permuted by SM4 (GB/T 32907) under a key derived for the receiver's domain, and a tag.
The pseudonym is one block of 128 bits, so the permutation is one to one: two domains cannot be joined without the key,
and the platform needs no list to know an id again. A person without an identifier is known by the place that he was
first seen at, which is longer than a block: it is enciphered by SM4 in counter mode under a counter that is its own
keyed hash, so that the same person has the same id.
"""

from __future__ import annotations

import base64
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
PLACE_LETTER = "y"
BLOCK_BYTES = 16
TAG_BYTES = 6
ID_SHAPE = re.compile(r"(jz-[a-z][a-z0-9_]{1,30})[/:]?p(?:([a-x])([0-9a-f]{32})([0-9a-f]{12})|y([0-9a-v]{27,}))")
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


def _counted(key: PlatformKey, domain: str, counter: bytes, content: bytes) -> bytes:
    """Return content enciphered, or deciphered: the same in counter mode."""
    cipher = Cipher(SM4(key.derive(f"sharing/{domain}/place")[:BLOCK_BYTES]), modes.CTR(counter))
    return cipher.encryptor().update(content)


def _place_id(key: PlatformKey, domain: str, secret: bytes, person_id: str) -> str:
    content = person_id.encode()
    counter = hmac.digest(secret, PLACE_LETTER.encode() + content, "sm3")[:BLOCK_BYTES]
    text = base64.b32hexencode(counter + _counted(key, domain, counter, content)).decode()
    return f"p{PLACE_LETTER}{text.rstrip('=').lower()}"


def _place_of(key: PlatformKey, domain: str, secret: bytes, text: str) -> str | None:
    """Return the key of a person without an identifier; null where the id was not given out so."""
    try:
        whole = base64.b32hexdecode(text.upper() + "=" * (-len(text) % 8))
        person_id = _counted(key, domain, whole[:BLOCK_BYTES], whole[BLOCK_BYTES:]).decode()
    except ValueError:
        return None
    own = _place_id(key, domain, secret, person_id)
    return person_id if hmac.compare_digest(own, f"p{PLACE_LETTER}{text}") else None


def domain_ids(key: PlatformKey, domain: str, person_ids: Sequence[str]) -> list[str]:
    """Return the id of each person in a receiver's domain, in the same order.

    Args:
        key: the platform key.
        domain: name of the receiver's domain.
        person_ids: evidence keys, `<namespace>:<pseudonym>`, or keys without an identifier.
    """
    check_domain(domain)
    secret = key.derive(f"sharing/{domain}/tag")
    ids = [""] * len(person_ids)
    numbered: list[tuple[int, str]] = []
    blocks = []
    for position, person_id in enumerate(person_ids):
        match = EVIDENCE_SHAPE.fullmatch(person_id)
        letter = NAMESPACE_LETTERS.get(match[1]) if match else None
        if match and letter:
            numbered.append((position, letter))
            blocks.append(bytes.fromhex(match[2]))
        else:
            ids[position] = _place_id(key, domain, secret, person_id)
    permuted = _permuted(key, domain, b"".join(blocks), is_back=False)
    for number, (position, letter) in enumerate(numbered):
        piece = permuted[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        ids[position] = f"p{letter}{piece.hex()}{_tag(secret, letter, piece)}"
    return ids


def recognise(key: PlatformKey, values: Sequence[str]) -> list[str | None]:
    """Return the person's evidence key for each `<system>/<id>` that the platform itself gave out, else null.

    An id of another domain than its system names, or one that was changed, gives null.
    """
    letters = {letter: namespace for namespace, letter in NAMESPACE_LETTERS.items()}
    found: dict[str, list[tuple[int, str, bytes]]] = {}
    secrets: dict[str, bytes] = {}
    result: list[str | None] = [None] * len(values)
    for position, value in enumerate(values):
        match = ID_SHAPE.fullmatch(value)
        if not match:
            continue
        domain = match[1].removeprefix(SYSTEM_PREFIX)
        secret = secrets.setdefault(domain, key.derive(f"sharing/{domain}/tag"))
        if match[5]:
            result[position] = _place_of(key, domain, secret, match[5])
            continue
        block = bytes.fromhex(match[3])
        if match[2] in letters and hmac.compare_digest(_tag(secret, match[2], block), match[4]):
            found.setdefault(domain, []).append((position, match[2], block))
    for domain, entries in found.items():
        plain = _permuted(key, domain, b"".join(block for _, _, block in entries), is_back=True)
        for number, (position, letter, _) in enumerate(entries):
            start = number * BLOCK_BYTES
            result[position] = f"{letters[letter]}:{plain[start : start + BLOCK_BYTES].hex()}"
    return result
