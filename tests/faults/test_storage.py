"""A disk that is full, folders that may not be written, files that are broken: told, survived, and made good."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from breaking import Undisturbed, built, collected, done, edu, reader, step

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20


def size(folder: Path) -> int:
    """Return the bytes of a folder's files in whole blocks, as a file system of pages counts them."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(-(-path.lstat().st_size // page) * page for path in folder.rglob("*")) + 2 * MEGABYTE


@contextmanager
def disk(folder: Path, source: Path, room: int) -> Iterator[Path]:
    """Give a copy of an installation on a file system of its own with so much room left."""
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={size(source) + room}", "tmpfs", str(folder))
    except PermissionError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI runs as a user that may mount a file system; this one may not ({error})")
        pytest.skip(f"this user may not mount a file system ({error})")
    try:
        home = folder / "home"
        shutil.copytree(source, home, symlinks=True)
        yield home
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def mount(*arguments: str) -> None:
    """Mount.

    Raises:
        PermissionError: only an administrator may.
    """
    result = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise PermissionError(result.stderr.strip())


def grow(home: Path) -> None:
    """Give the file system of an installation room enough."""
    mount("-o", "remount,size=3g", str(home.parent))


def told(result: subprocess.CompletedProcess[str]) -> str:
    """Assert that a command failed with a message for people, and return it."""
    assert result.returncode == 1, (result.returncode, result.stdout[-2000:])
    text = result.stdout + result.stderr
    assert "Traceback" not in text, text[-3000:]
    return text


class TestFullDisk:
    def test_collect(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        with disk(tmp_path / "disk", undisturbed.folder / "dropped", 3 * MEGABYTE) as home:
            assert "no space left" in told(step(home, undisturbed.key, "collect"))
            grow(home)
            done(step(home, undisturbed.key, "collect"))
            assert collected(home, undisturbed.key, tmp_path) == undisturbed.digests["collect"]

    @pytest.mark.parametrize("room", [1, 8, 30])
    def test_build(self, undisturbed: Undisturbed, tmp_path: Path, room: int) -> None:
        with disk(tmp_path / "disk", undisturbed.folder / "collected", room * MEGABYTE) as home:
            assert "no space left" in told(step(home, undisturbed.key, "build"))
            grow(home)
            done(step(home, undisturbed.key, "build"))
            assert built(home, undisturbed.key) == undisturbed.digests["build"]

    @pytest.mark.parametrize("room", [1, 8])
    def test_publish_keeps_serving(self, undisturbed: Undisturbed, tmp_path: Path, room: int) -> None:
        from test_kills import pretend_other_content

        with disk(tmp_path / "disk", undisturbed.folder / "published", room * MEGABYTE) as home:
            pretend_other_content(home)
            with reader(home, tmp_path / "reads.txt"):
                assert "no space left" in told(step(home, undisturbed.key, "publish"))
                grow(home)
                done(step(home, undisturbed.key, "publish"))
            assert built(home, undisturbed.key) == undisturbed.digests["publish"]


class TestReadOnly:
    @pytest.mark.parametrize(("name", "stage"), [("collect", "dropped"), ("build", "collected"), ("publish", "built")])
    def test_step(self, undisturbed: Undisturbed, tmp_path: Path, name: str, stage: str) -> None:
        with disk(tmp_path / "disk", undisturbed.folder / stage, 3000 * MEGABYTE) as home:
            mount("-o", "remount,ro", str(home.parent))
            assert "cannot be written" in told(step(home, undisturbed.key, name))
            mount("-o", "remount,rw", str(home.parent))
            done(step(home, undisturbed.key, name))
            after = collected(home, undisturbed.key, tmp_path) if name == "collect" else built(home, undisturbed.key)
            assert after == undisturbed.digests[name]


def batches(home: Path, dataset: str) -> list[Path]:
    """Return the batches of a dataset in the lake."""
    return sorted(path for path in (home / "lake" / dataset).rglob("*.parquet") if not path.name.startswith("_"))


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(content)


class TestBroken:
    @pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
    def test_batch_of_the_lake(self, undisturbed: Undisturbed, tmp_path: Path, how: str) -> None:
        """The build stops and names the batch; the archive gives it back, equal to what it was."""
        home = undisturbed.copy("collected", tmp_path / "home")
        batch = batches(home, "student")[0]
        if how == "flipped":
            flip(batch)
        elif how == "cut":
            batch.write_bytes(batch.read_bytes()[:-100])
        else:
            batch.unlink()
        assert batch.stem in told(step(home, undisturbed.key, "build"))
        done(edu(home, undisturbed.key, "replay", "--mend"))
        done(step(home, undisturbed.key, "build"))
        assert built(home, undisturbed.key) == undisturbed.digests["build"]

    def test_manifest_of_the_archive(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        home = undisturbed.copy("collected", tmp_path / "home")
        manifest = min((home / "archive").rglob("*.json"))
        manifest.chmod(0o600)
        manifest.write_text(manifest.read_text(encoding="utf-8")[:-40], encoding="utf-8")
        assert manifest.stem.split(".")[0] in told(edu(home, undisturbed.key, "replay", "--all", "--verify"))

    @pytest.mark.parametrize("how", ["cut", "overwritten", "log left"])
    def test_warehouse_file(self, undisturbed: Undisturbed, tmp_path: Path, how: str) -> None:
        """It is set aside and built anew; what is served is served on."""
        home = undisturbed.copy("published", tmp_path / "home")
        file = home / "warehouse.duckdb"
        content = file.read_bytes()
        if how == "cut":
            file.write_bytes(content[: len(content) // 2])
        elif how == "overwritten":
            file.write_bytes(content[:8192] + os.urandom(len(content) - 8192))
        else:
            file.with_name(file.name + ".wal").write_bytes(os.urandom(5000))
        with reader(home, tmp_path / "reads.txt"):
            done(step(home, undisturbed.key, "build"))
            done(step(home, undisturbed.key, "publish"))
        assert built(home, undisturbed.key) == undisturbed.digests["publish"]

    def test_published_file(self, undisturbed: Undisturbed, tmp_path: Path) -> None:
        """Publishing notices that what is served is broken and serves a whole file again."""
        home = undisturbed.copy("published", tmp_path / "home")
        served = (home / "published" / "current.duckdb").resolve()
        served.chmod(0o600)
        served.write_bytes(served.read_bytes()[:20_000])
        done(step(home, undisturbed.key, "publish"))
        assert built(home, undisturbed.key) == undisturbed.digests["publish"]
        with duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True) as connection:
            assert connection.execute("select count(*) from visualization.headline").fetchone()
