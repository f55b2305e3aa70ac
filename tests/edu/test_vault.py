"""Segments hold what was given, merge once, survive a kill, and open with no other key."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edu import vault
from edu.duck import connect
from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.vault import VaultBusyError, VaultError, merge_segments, open_segment, write_segment

KEY = PlatformKey(b"k" * 32)
MERGE = (
    "from edu.paths import get_home; from edu.pseudonym import PlatformKey; from edu.vault import merge_segments; "
    "print('ready', flush=True); merge_segments(get_home(), PlatformKey(b'k' * 32))"
)


def write(home: Home, batch: str, submission: str = "s1", rows: int = 1) -> None:
    with connect(extensions=("httpfs",)) as connection:
        write_segment(
            home,
            KEY,
            batch,
            connection,
            f"select '{submission}' as submission_id, cast(null as varchar) as sheet, (i + 1)::integer as row_number, "
            "'n' || i as person_name, 'p' || i as pseudonym_id_number, 'cn_id' as namespace_id_number, "
            f"'identifier-value-' || i as value_id_number from range(1, {rows} + 1) as t(i)",
        )


def write_earlier(home: Home, batch: str, submission: str) -> Path:
    """Write a segment as earlier versions did: an encrypted DuckDB file."""
    path = home.vault / "segments" / f"{batch}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with connect(extensions=("httpfs",)) as connection:
        connection.execute(
            f"attach '{path}' as segment (encryption_key '{KEY.derive('vault').hex()}', encryption_cipher 'GCM')"
        )
        connection.execute(vault.TABLES.format(db="segment"))
        connection.execute("insert into segment.identifier values ('p9', 'cn_id', 'identifier-value-9')")
        connection.execute(f"insert into segment.person_row values ('{submission}', null, 2, 'name', 'n9')")
    return path


def contents(home: Home) -> tuple[int, int]:
    with vault.reading(home, KEY) as connection:
        row = connection.execute(
            "select (select count(*) from identifier), (select count(*) from person_row)"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_a_segment_opens_with_its_key_only(edu_home: Home) -> None:
    write(edu_home, "b1")
    path = edu_home.vault / "segments" / "b1.parquet"
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
    write(edu_home, "b2", "s2")
    done = merge_segments(edu_home, KEY)
    assert (done.segments, done.identifiers, done.person_rows) == (2, 1, 2)
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert b"identifier-value-1" not in done.path.read_bytes()
    write(edu_home, "b2", "s2")
    merge_segments(edu_home, KEY)
    assert merge_segments(edu_home, KEY).segments == 0
    assert list((edu_home.vault / "segments").iterdir()) == []
    assert contents(edu_home) == (1, 2)


def test_a_first_merge_with_another_key_makes_no_vault(edu_home: Home) -> None:
    write(edu_home, "b1")
    with pytest.raises(VaultError):
        merge_segments(edu_home, PlatformKey(b"x" * 32))
    assert not vault.vault_path(edu_home).exists()
    assert merge_segments(edu_home, KEY).segments == 1
    assert contents(edu_home) == (1, 1)


def test_what_is_not_merged_yet_is_read_too(edu_home: Home) -> None:
    assert contents(edu_home) == (0, 0)
    write(edu_home, "b1", rows=3)
    assert contents(edu_home) == (3, 3)
    merge_segments(edu_home, KEY)
    write(edu_home, "b2", "s2", rows=4)
    assert contents(edu_home) == (4, 7)


def test_a_reader_and_a_merge_exclude_each_other(edu_home: Home) -> None:
    write(edu_home, "b1")
    with vault.reading(edu_home, KEY), pytest.raises(VaultBusyError):
        merge_segments(edu_home, KEY)
    assert merge_segments(edu_home, KEY).segments == 1


@pytest.mark.parametrize("milliseconds", [0, 60, 150, 300])
def test_a_killed_merge_leaves_a_vault_that_opens_and_the_next_one_finishes(edu_home: Home, milliseconds: int) -> None:
    for number in range(6):
        write(edu_home, f"b{number}", f"s{number}", rows=2_000)
    environment = {**os.environ, "EDU_HOME": str(edu_home.root)}
    with subprocess.Popen([sys.executable, "-c", MERGE], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
    assert contents(edu_home) == (2_000, 12_000)
    merge_segments(edu_home, KEY)
    assert contents(edu_home) == (2_000, 12_000)
    assert list(Path(edu_home.vault / "segments").iterdir()) == []


def test_a_segment_says_what_its_row_says_and_nothing_else(edu_home: Home) -> None:
    with connect(extensions=("httpfs",)) as connection:
        write_segment(
            edu_home,
            KEY,
            "b1",
            connection,
            "select * from (values ('s1', 'A', 2::integer, 'n1', null, 'k1', 'xjh', 'v1', null, null, null), "
            "('s1', 'A', 3::integer, null, 'a3', null, null, null, 'k2', 'passport', 'v2'), "
            "(null, null, null, null, null, 'k3', 'xjh', 'v3', null, null, null)) as t(submission_id, sheet, row_number, "
            "person_name, person_address, pseudonym_xjh, namespace_xjh, value_xjh, "
            "pseudonym_id_number, namespace_id_number, value_id_number)",
        )
    people = {("s1", "A", 2, "name", "n1"), ("s1", "A", 3, "address", "a3")}
    identifiers = {("k1", "xjh", "v1"), ("k2", "passport", "v2"), ("k3", "xjh", "v3")}
    with open_segment(edu_home, KEY, "b1") as connection:
        assert set(connection.execute("select * from segment.person_row").fetchall()) == people
        assert set(connection.execute("select * from segment.identifier").fetchall()) == identifiers
    merge_segments(edu_home, KEY)
    with vault.reading(edu_home, KEY) as connection:
        assert set(connection.execute("select * from person_row").fetchall()) == people
        assert set(connection.execute("select * from identifier").fetchall()) == identifiers


def test_a_segment_of_an_earlier_version_is_read_and_merged(edu_home: Home) -> None:
    write(edu_home, "b1")
    path = write_earlier(edu_home, "b0", "s0")
    assert vault.segment_path(edu_home, "b0") == path
    assert vault.is_segment_readable(edu_home, KEY, "b0")
    assert not vault.is_segment_readable(edu_home, PlatformKey(b"x" * 32), "b0")
    assert contents(edu_home) == (2, 2)
    done = merge_segments(edu_home, KEY)
    assert (done.segments, done.identifiers, done.person_rows) == (2, 2, 2)
    assert list(Path(edu_home.vault / "segments").iterdir()) == []
    assert contents(edu_home) == (2, 2)
    assert vault.merged_batches(edu_home, KEY) == {"b0", "b1"}


def test_a_segment_that_is_written_again_takes_the_place_of_an_earlier_version_s(edu_home: Home) -> None:
    path = write_earlier(edu_home, "b1", "s1")
    path.write_bytes(b"cut")
    with pytest.raises(VaultError, match=r"b1\.duckdb"):
        contents(edu_home)
    write(edu_home, "b1", "s1")
    assert [each.name for each in (edu_home.vault / "segments").iterdir()] == ["b1.parquet"]
    assert contents(edu_home) == (1, 1)
