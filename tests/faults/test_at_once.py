"""Two runs at once, and a clock that jumps back: what counts is what would count without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from breaking import EDU, HELD, Undisturbed, built, collected, command, done, environment, python, reader, step
from rosters import pupil, write_roster

pytestmark = pytest.mark.slow


def start(home: Path, key: Path, name: str) -> subprocess.Popen[str]:
    """Start a step and leave it running."""
    return subprocess.Popen(
        [sys.executable, "-c", EDU, *command(home, name)],
        env=environment(home, key),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def both(home: Path, key: Path, name: str) -> list[tuple[int, str]]:
    """Run a step twice at the same time; return exit codes and outputs."""
    running = [start(home, key, name) for _ in range(2)]
    return [(process.wait(), output) for process in running for output in [process.communicate()[0]]]


class TestTwoAtOnce:
    def test_collect(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        home = undisturbed.copy("dropped", tmp_path / "home")
        for code, output in both(home, undisturbed.key, "collect"):
            assert code in (0, HELD), output[-2000:]
        assert collected(home, undisturbed.key, tmp_path) == undisturbed.digests["collect"]
        assert not [path for path in (home / "inbox").rglob("*") if path.is_file()]

    def test_build(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        """One builds; the other either waits its turn's end in vain and says so, or comes after it."""
        home = undisturbed.copy("collected", tmp_path / "home")
        for code, output in both(home, undisturbed.key, "build"):
            assert code in (0, HELD) or "in another process" in output, output[-2000:]
            assert "Traceback" not in output
        done(step(home, undisturbed.key, "build"))
        assert built(home, undisturbed.key) == undisturbed.digests["build"]

    def test_publish(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        from test_kills import pretend_other_content

        home = undisturbed.copy("published", tmp_path / "home")
        pretend_other_content(home)
        with reader(home, tmp_path / "reads.txt"):
            for code, output in both(home, undisturbed.key, "publish"):
                assert code == 0 or "is being published" in output, output[-2000:]
                assert "Traceback" not in output
            done(step(home, undisturbed.key, "publish"))
        assert built(home, undisturbed.key) == undisturbed.digests["publish"]

    def test_landing_beside_a_build(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        """What arrives while a build runs is in the next one."""
        home = undisturbed.copy("dropped", tmp_path / "home")
        landing, building = start(home, undisturbed.key, "collect"), start(home, undisturbed.key, "build")
        landing.communicate()
        building.communicate()
        assert landing.returncode in (0, HELD)
        done(step(home, undisturbed.key, "build"))
        assert built(home, undisturbed.key) == undisturbed.digests["build"]


COLLECT_AT = """
import datetime, sys
from edu import clock
hour = int(sys.argv[1])

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2025, 9, 10, hour, tzinfo=tz)

clock.datetime = Shifted
sys.argv = ["edu", "collect", sys.argv[2]]
from edu.cli import main
main()
"""


def test_a_clock_that_jumps_back_turns_no_correction_around(tmp_path: Path) -> None:
    """A school sends, then sends a correction; between the two the clock was set back by three hours."""
    home, key = tmp_path / "home", tmp_path / "platform.key"
    key.write_text("5a" * 32)
    folder = home / "inbox" / "2142000022" / "student" / "2025-2026-1"
    for hour, names in ((12, ("1", "2", "3")), (9, ("1", "2"))):
        write_roster(folder / "roster.csv", [pupil(int(number)) for number in names])
        done(python(home, key, COLLECT_AT, str(hour), str(home / "inbox")))
    times = duckdb.execute(
        f"select received_at, recorded_at, rows_read from read_parquet('{home}/runs/submission/*.parquet') "
        "order by received_at"
    ).fetchall()
    assert [row[2] for row in times] == [3, 2]
    assert times[0][0] < times[1][0]
    assert times[0][1] <= times[1][1]
