"""Pseudonyms against Python's own HMAC; the key file's life."""

from __future__ import annotations

import hmac
import stat

import pyarrow as pa
import pytest

from edu import pseudonym
from edu.errors import KeyFileError
from edu.paths import Home
from edu.pseudonym import PlatformKey, load_key, load_or_create_key, pseudonyms

KEY = PlatformKey(bytes(range(32)))


def reference(namespace: str, value: str) -> str:
    return hmac.new(KEY.derive("pseudonym"), f"{namespace}\x1f{value}".encode(), "sm3").hexdigest()[:32]


def test_pseudonyms_are_hmac_sm3() -> None:
    values = ["421002201209012014", "", "学籍"]
    assert pseudonyms(KEY, "cn_id", values).to_pylist() == [reference("cn_id", value) for value in values]


def test_a_namespace_separates() -> None:
    assert pseudonyms(KEY, "cn_id", ["1"]) != pseudonyms(KEY, "xjh", ["1"])


def test_workers_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonym, "PARALLEL_FROM", 10)
    values = pa.array([str(i) for i in range(101)])
    assert pseudonyms(KEY, "xjh", values, workers=2) == pseudonyms(KEY, "xjh", values, workers=1)


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
