"""A landing killed by SIGKILL at each of its writes leaves the whole submission or none, and the next run completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from rosters import pupil, write_roster

from edu.paths import Home
from ingest.feedback import outbox_files

LAND = """
import os, signal, sys
from pathlib import Path
stop_at = int(sys.argv[1])
done = 0
whole = Path.replace

def replace(self, target):
    # Every file of a landing is written aside and renamed: die before the n-th rename, or after it.
    global done
    done += 1
    if done == stop_at and sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    moved = whole(self, target)
    if done == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return moved

from edu.paths import get_home
from ingest import lake
from ingest.landing import collect
from ingest.submission import Options
home = get_home().ensure()
lake.ensure_state(home)
Path.replace = replace
result = collect([home.inbox], home=home, options=Options())
print("writes", done, [receipt.status for receipt in result.receipts])
"""


def run(home: Home, stop_at: int, when: str = "before") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LAND, str(stop_at), when],
        env={**os.environ, "EDU_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def drop(home: Home) -> None:
    folder = home.inbox / "421002" / "student" / "2024-2025-1"
    write_roster(folder / "r.csv", [pupil(1), pupil(3, sex_code=""), pupil(5, grade_code="研究生")])


def counted(home: Home) -> tuple[int, int, int]:
    """Return receipts, rows of the lake that a receipt stands for, and findings of these."""
    with duckdb.connect() as connection:

        def count(sql: str) -> int:
            row = connection.execute(sql).fetchone()
            return int(row[0]) if row else -1

        receipts = f"read_parquet('{home.runs}/submission/*.parquet')"
        both = "inner join {r} as s using (submission_id, batch_id)".replace("{r}", receipts)
        return (
            count(f"select count(*) from {receipts}"),
            count(
                f"select count(*) from read_parquet('{home.lake}/student/**/*.parquet', hive_partitioning = false) {both}"
            ),
            count(f"select count(*) from read_parquet('{home.runs}/finding/*.parquet') {both}"),
        )


@pytest.mark.slow
def test_every_write_of_a_landing_may_be_the_last(tmp_path: Path) -> None:
    whole = (1, 2, 2)
    home = Home(tmp_path / "undisturbed").ensure()
    drop(home)
    calm = run(home, 0)
    assert calm.returncode == 0, calm.stderr[-2000:]
    writes = int(calm.stdout.split()[1])
    assert counted(home) == whole
    assert writes >= 8
    for stop_at in range(1, writes + 1):
        for when in ("before", "after"):
            home = Home(tmp_path / f"killed{stop_at}{when}").ensure()
            drop(home)
            killed = run(home, stop_at, when)
            assert killed.returncode == -signal.SIGKILL, killed.stdout
            assert counted(home) in ((0, 0, 0), whole), (stop_at, when)
            again = run(home, 0)
            assert again.returncode == 0, again.stderr[-2000:]
            assert counted(home) == whole, (stop_at, when)
            assert not [path for path in home.inbox.rglob("*") if path.is_file()]
            [identity] = duckdb.execute(
                f"select submission_id from read_parquet('{home.runs}/submission/*.parquet')"
            ).fetchone() or [""]
            assert len(outbox_files(home, identity)) == 2, (stop_at, when)
