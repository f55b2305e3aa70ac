"""Pseudonyms against Python's own HMAC; the key file's life."""

from __future__ import annotations

import hmac
import random
import stat
from array import array
from itertools import accumulate

import pyarrow as pa
import pytest

from edu import keyed_hash
from edu.errors import KeyFileError
from edu.keyed_hash import SIDE_BY_SIDE_FROM, hash_all
from edu.paths import Home
from edu.pseudonym import PlatformKey, keyed_hashes, load_key, load_or_create_key, pseudonyms

KEY = PlatformKey(bytes(range(32)))
SECRET = KEY.derive("pseudonym")


def reference(namespace: str, value: str) -> str:
    return hmac.new(KEY.derive("pseudonym"), f"{namespace}\x1f{value}".encode(), "sm3").hexdigest()[:32]


def test_pseudonyms_are_hmac_sm3() -> None:
    values = ["421002201209012014", "", "学籍"]
    assert pseudonyms(KEY, "cn_id", values).to_pylist() == [reference("cn_id", value) for value in values]


def test_a_namespace_separates() -> None:
    assert pseudonyms(KEY, "cn_id", ["1"]) != pseudonyms(KEY, "xjh", ["1"])


def hashed(values: list[bytes], prefix: bytes, algorithm: str) -> list[str]:
    offsets = array("i", [0, *accumulate(len(value) for value in values)])
    text = hash_all(SECRET, prefix, offsets.tobytes(), b"".join(values), algorithm).decode()
    return [text[start : start + 32] for start in range(0, len(text), 32)]


@pytest.mark.parametrize("algorithm", ["sm3", "sha256"])
@pytest.mark.parametrize(
    ("lengths", "prefix"),
    [
        ((18, 18), b"cn_id\x1f"),
        ((0, 51), b"xjh\x1f"),
        ((0, 55), b""),
        ((0, 56), b""),
        ((0, 0), b"a" * 55),
        ((0, 200), b"oneroster@system\x1f"),
    ],
)
@pytest.mark.parametrize("count", [1, SIDE_BY_SIDE_FROM - 1, SIDE_BY_SIDE_FROM, 700])
def test_codes_of_many_are_those_of_each(algorithm: str, lengths: tuple[int, int], prefix: bytes, count: int) -> None:
    draw = random.Random(count)
    values = [draw.randbytes(draw.randint(*lengths)) for _ in range(count)]
    expected = [hmac.digest(SECRET, prefix + value, algorithm).hex()[:32] for value in values]
    assert hashed(values, prefix, algorithm) == expected


def test_a_key_longer_than_a_block_is_refused() -> None:
    """HMAC would take its hash for it; a code under its first bytes would be another's."""
    offsets = array("i", [0, 1]).tobytes()
    assert hash_all(b"k" * 64, b"", offsets, b"a") == hmac.digest(b"k" * 64, b"a", "sm3").hex()[:32].encode()
    with pytest.raises(ValueError, match="64 bytes"):
        hash_all(b"k" * 65, b"", offsets, b"a")


def test_codes_of_more_than_are_hashed_at_once_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed_hash, "VALUES_AT_ONCE", 300)
    values = [str(number).encode() for number in range(1_000)]
    assert hashed(values, b"xjh\x1f", "sm3") == [
        hmac.digest(SECRET, b"xjh\x1f" + value, "sm3").hex()[:32] for value in values
    ]


def test_pseudonyms_of_a_part_of_an_array() -> None:
    values = pa.array([str(number) for number in range(900)])
    assert pseudonyms(KEY, "xjh", values.slice(100, 600)).to_pylist() == [
        reference("xjh", str(number)) for number in range(100, 700)
    ]


def test_keyed_hashes_are_hmac_sha256_and_null_of_null() -> None:
    texts = pa.array([None, "王示例\x1f20150901", "", None, *(f"{number}" for number in range(500))])
    expected = [
        None if text is None else hmac.digest(KEY.derive("match"), text.encode(), "sha256").hex()[:32]
        for text in texts.to_pylist()
    ]
    assert keyed_hashes(KEY, "match", texts).to_pylist() == expected
    assert keyed_hashes(KEY, "match", pa.array([None], pa.string())).to_pylist() == [None]


def test_the_key_is_made_once_and_private(edu_home: Home) -> None:
    first = load_or_create_key(edu_home)
    path = edu_home.vault / "platform.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(edu_home) == first == load_key(edu_home)
    assert first.secret.hex() not in repr(first)


def test_no_new_key_beside_old_data(edu_home: Home) -> None:
    (edu_home.archive / "ab").mkdir()
    (edu_home.archive / "ab" / "abcd.bin").write_bytes(b"x")
    with pytest.raises(KeyFileError, match="restore"):
        load_or_create_key(edu_home)


def test_a_damaged_key_is_refused(edu_home: Home) -> None:
    (edu_home.vault / "platform.key").write_text("zz")
    with pytest.raises(KeyFileError):
        load_key(edu_home)
