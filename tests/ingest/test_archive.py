"""The archive gives back the same bytes, and nothing when they were touched."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edu import sealed
from edu.batches import file_sha256
from edu.contract import get_contract
from edu.paths import Home
from edu.pseudonym import PlatformKey
from ingest.archive import (
    ArchiveError,
    archive_path,
    contract_path,
    load_contract,
    manifest_path,
    read_manifest,
    restore,
    store,
    store_contract,
    write_manifest,
)

KEY = PlatformKey(b"k" * 32)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 250])
def test_round_trip(edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sealed, "CHUNK_BYTES", 100)
    source = tmp_path / "in"
    source.write_bytes(bytes(i % 251 for i in range(size)))
    digest = file_sha256(source)
    stored = store(edu_home, KEY, source, digest)
    assert stored == store(edu_home, KEY, source, digest)
    restore(edu_home, KEY, digest, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("change", ["flip", "cut", "swap", "other key"])
def test_tampering_is_seen(edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(sealed, "CHUNK_BYTES", 100)
    source = tmp_path / "in"
    source.write_bytes(bytes(200))
    digest = file_sha256(source)
    path = store(edu_home, KEY, source, digest)
    content = bytearray(path.read_bytes())
    head = 12
    if change == "flip":
        content[head + 5] ^= 1
    elif change == "cut":
        del content[head + 116 :]
    elif change == "swap":
        content[head : head + 116], content[head + 116 :] = content[head + 116 :], content[head : head + 116]
    path.chmod(0o600)
    path.write_bytes(content)
    key = PlatformKey(b"x" * 32) if change == "other key" else KEY
    with pytest.raises(ArchiveError):
        restore(edu_home, key, digest, tmp_path / "out")


@given(st.binary(max_size=300))
def test_the_name_is_the_hash_of_the_bytes(data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as stream:
        stream.write(data)
        stream.flush()
        assert file_sha256(Path(stream.name)) == hashlib.sha256(data).hexdigest()


def test_plain_bytes_are_not_stored(edu_home: Home, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_bytes(b"421002201209012014")
    digest = file_sha256(source)
    store(edu_home, KEY, source, digest)
    assert b"421002201209012014" not in archive_path(edu_home, digest).read_bytes()


def recorded_without(home: Home, name: str) -> str:
    """Put the contract of pupils into the archive as a version wrote it whose model lacked a field; return its digest."""
    content = get_contract("student").model_dump(mode="json")
    del content["breakers"][name]
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = contract_path(home, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return digest


def test_a_contract_of_an_earlier_model_is_read_and_keeps_its_digest(edu_home: Home) -> None:
    digest = recorded_without(edu_home, "figure_max_ratio")
    contract = load_contract(edu_home, digest)
    assert contract.digest == digest != get_contract("student").digest
    assert contract.fields == get_contract("student").fields


def test_a_changed_contract_is_refused(edu_home: Home) -> None:
    digest = recorded_without(edu_home, "figure_max_ratio")
    path = contract_path(edu_home, digest)
    path.write_text(path.read_text(encoding="utf-8").replace('"student"', '"staff"', 1), encoding="utf-8")
    with pytest.raises(ArchiveError, match="does not have this digest"):
        load_contract(edu_home, digest)


def test_a_contract_with_fields_that_nobody_knows_any_more_says_so(edu_home: Home) -> None:
    content = {**get_contract("student").model_dump(mode="json"), "colour": "red"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = contract_path(edu_home, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ArchiveError, match="does not fit"):
        load_contract(edu_home, digest)


def test_a_contract_stored_and_read_is_the_same(edu_home: Home) -> None:
    store_contract(edu_home, get_contract("student"))
    found = load_contract(edu_home, get_contract("student").digest)
    assert (found.digest, found.model_dump()) == (get_contract("student").digest, get_contract("student").model_dump())


MANIFEST = {
    "dataset": "student",
    "org": "2142000001",
    "period": "2024-2025/1",
    "snapshot_date": date(2024, 9, 1),
    "received_at": datetime(2024, 9, 10, 8),
    "coverage": "full",
    "profile": None,
    "original_name": "r.csv",
    "sha256": "ab" * 32,
    "parts": [{"name": None, "sha256": "ab" * 32, "constants": {}}],
}


def test_a_manifest_is_read_as_it_was_written(edu_home: Home) -> None:
    write_manifest(edu_home, "s1", MANIFEST)
    told = {"snapshot_date": "2024-09-01", "received_at": "2024-09-10 08:00:00"}
    assert read_manifest(edu_home, "s1") == {**MANIFEST, **told}


@pytest.mark.parametrize(
    "content",
    [
        [],
        None,
        {},
        "text",
        *({name: value for name, value in MANIFEST.items() if name != left_out} for left_out in MANIFEST),
        {**MANIFEST, "parts": []},
        {**MANIFEST, "parts": [{"name": None}]},
        {**MANIFEST, "parts": [None]},
        {**MANIFEST, "snapshot_date": "soon"},
        {**MANIFEST, "received_at": 1},
        {**MANIFEST, "original_name": None},
    ],
)
def test_a_manifest_that_does_not_say_what_a_landing_needs_is_broken(edu_home: Home, content: object) -> None:
    path = manifest_path(edu_home, "s1")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content, default=str), encoding="utf-8")
    with pytest.raises(ArchiveError, match=r"s1: the manifest is broken"):
        read_manifest(edu_home, "s1")
