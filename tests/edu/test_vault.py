"""Segments hold what was given, merge once, and open with no other key."""

from __future__ import annotations

import stat

import pytest

from edu.duck import connect
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.vault import VaultError, merge_segments, open_segment, write_segment

KEY = PlatformKey(b"k" * 32)


def write(home: Home, batch: str) -> None:
    with connect(extensions=("httpfs",)) as connection:
        write_segment(
            home,
            KEY,
            batch,
            connection,
            "select 'p1', 'cn_id', 'identifier-value-1'",
            "select 's1', null, 2::integer, 'name', 'n1'",
        )


def test_a_segment_opens_with_its_key_only(edu_home: Home) -> None:
    write(edu_home, "b1")
    path = edu_home.vault / "segments" / "b1.duckdb"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"identifier-value-1" not in path.read_bytes()
    with open_segment(edu_home, KEY, "b1") as connection:
        assert connection.execute("select * from segment.identifier").fetchall() == [
            ("p1", "cn_id", "identifier-value-1")
        ]
    with pytest.raises(VaultError) as caught:
        open_segment(edu_home, PlatformKey(b"x" * 32), "b1")
    assert PlatformKey(b"x" * 32).derive("vault").hex() not in str(caught.value)


def test_merging_twice_changes_nothing(edu_home: Home) -> None:
    write(edu_home, "b1")
    merge_segments(edu_home, KEY)
    write(edu_home, "b2")
    merged = merge_segments(edu_home, KEY)
    assert list((edu_home.vault / "segments").iterdir()) == []
    with connect(extensions=("httpfs",)) as connection:
        connection.execute(f"attach '{merged}' as vault (encryption_key '{KEY.derive('vault').hex()}', read_only)")
        assert connection.execute("select count(*) from vault.person_row").fetchone() == (1,)
