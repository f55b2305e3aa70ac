"""SIGKILL at random moments of every step: running again gives the digest of an undisturbed run, and no reader fails.

Each class is one step; its kills are spread over the whole of the step's time. A killed step is run again to its end
and compared; landings are compared by the collection layer, of which all other layers are made.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from breaking import Undisturbed, built, collected, done, edu, kill_during, moment, reader, served, step

pytestmark = pytest.mark.slow

COLLECT, BUILD, PUBLISH, BACKUP = 60, 28, 16, 8


def kill(home: Path, undisturbed: Undisturbed, name: str, number: int, of: int) -> None:
    """Kill a step at its moment; where it had ended already, the machine is faster now and an earlier moment is taken."""
    after = moment(name, number, of, undisturbed.seconds[name])
    for _ in range(6):
        if kill_during(home, undisturbed.key, name, after):
            return
        after *= 0.8
        if name == "collect":
            shutil.rmtree(home)
            undisturbed.copy("few", home)
        elif name == "backup":
            shutil.rmtree(home.parent / "backups")
    pytest.fail(f"{name} always ended before {after:.1f} s")


def pretend_other_content(home: Path) -> None:
    """Let the change log say that what is served has other content, so that there is something to publish."""
    path = home / "published" / "changelog.json"
    versions = json.loads(path.read_text(encoding="utf-8"))
    versions[-1]["digest"] = "of another content"
    path.write_text(json.dumps(versions, ensure_ascii=False), encoding="utf-8")


class TestCollect:
    @pytest.mark.parametrize("number", range(COLLECT))
    def test_killed(self, undisturbed: Undisturbed, tmp_path: Path, number: int) -> None:
        home = undisturbed.copy("few", tmp_path / "home")
        kill(home, undisturbed, "collect", number, COLLECT)
        done(step(home, undisturbed.key, "collect"))
        assert collected(home, undisturbed.key, tmp_path) == undisturbed.digests["few"]
        assert not [path for path in (home / "inbox").rglob("*") if path.is_file()]


class TestBuild:
    @pytest.mark.parametrize("number", range(BUILD))
    def test_killed(self, undisturbed: Undisturbed, tmp_path: Path, number: int) -> None:
        """Every second time there is a warehouse already, of which most stays as it is."""
        stage, name = ("corrected", "rebuild") if number % 2 else ("collected", "build")
        home = undisturbed.copy(stage, tmp_path / "home")
        kill(home, undisturbed, name, number, BUILD)
        done(step(home, undisturbed.key, name))
        assert built(home, undisturbed.key) == undisturbed.digests[name]


class TestPublish:
    @pytest.mark.parametrize("number", range(PUBLISH))
    def test_killed(self, undisturbed: Undisturbed, tmp_path: Path, number: int) -> None:
        """Every second time a version is served already, and a reader reads it all the while."""
        is_served = number % 2 == 1
        home = undisturbed.copy("published" if is_served else "built", tmp_path / "home")
        if is_served:
            pretend_other_content(home)
            with reader(home, tmp_path / "reads.txt"):
                kill(home, undisturbed, "publish", number, PUBLISH)
                done(step(home, undisturbed.key, "publish"))
        else:
            kill(home, undisturbed, "publish", number, PUBLISH)
            done(step(home, undisturbed.key, "publish"))
        assert built(home, undisturbed.key) == undisturbed.digests["publish"]
        versions = [entry["version"] for entry in json.loads((home / "published" / "changelog.json").read_text())]
        assert versions == (["1.0.0", "1.0.1"] if is_served else ["1.0.0"])


class TestBackup:
    @pytest.mark.parametrize("number", range(BACKUP))
    def test_killed(self, undisturbed: Undisturbed, tmp_path: Path, number: int) -> None:
        """The next backup is whole: restored elsewhere it serves the same and holds the same landings and judgements."""
        home = undisturbed.copy("published", tmp_path / "home")
        kill(home, undisturbed, "backup", number, BACKUP)
        done(step(home, undisturbed.key, "backup"))
        done(edu(home, undisturbed.key, "backup", "--to", str(tmp_path / "backups"), "--verify"))
        again = tmp_path / "again"
        done(edu(home, undisturbed.key, "restore", "--from", str(tmp_path / "backups"), "--into", str(again)))
        assert collected(again, undisturbed.key, tmp_path) == undisturbed.digests["judged"]
        assert served(again, undisturbed.key) == undisturbed.digests["publish"].split()[-1]
