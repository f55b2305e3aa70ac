"""An installation that is broken on purpose: its steps as commands, what an undisturbed run gives, and a steady reader."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edu.paths import Home

SEED = int(os.environ.get("EDU_FAULT_SEED", "1"))
"""Draws the moments of the kills; another number gives other moments."""
PATIENCE = 1800
"""Seconds after which a step that should have ended has hung."""
STEPS = {
    "collect": ("collect", "{inbox}"),
    "build": ("build",),
    "rebuild": ("build",),
    "full": ("build", "--full"),
    "publish": ("publish",),
    "backup": ("backup", "--to", "{backups}"),
}
HELD = 3
"""Exit code of a landing or build that rejected or held something, as some of the city's files deserve."""

FEW_SENDERS = 14
"""Of how many senders the landings are that are killed: with those of all, a kill would cost minutes."""

EDU = "from edu.cli import main; main()"
READ = """
import sys, time, duckdb
link, log = sys.argv[1:]
reads = 0
with open(log, "w") as out:
    while True:
        try:
            with duckdb.connect(link, read_only=True) as connection:
                tables = connection.execute(
                    "select count(*) from duckdb_tables() where schema_name = 'visualization'").fetchone()[0]
                rows = connection.execute("select count(*) from visualization.headline").fetchone()[0]
            assert tables > 10 and rows > 0, (tables, rows)
            reads += 1
            print("read", reads, file=out, flush=True)
        except Exception as error:
            print("failed", type(error).__name__, error, file=out, flush=True)
        time.sleep(0.02)
"""
COLLECTION_DIGEST = """
from pathlib import Path
import sys, duckdb
from edu.paths import get_home
from warehouse import transform
from warehouse.digest import digest
home, out = get_home(), Path(sys.argv[1])
transform.run_seeds(home, out)
transform.run_layer("collection", home=home, database=out)
with duckdb.connect(str(out)) as connection:
    connection.execute("create schema if not exists management")
transform.finish(home, out)
print("digest", digest(out, with_pseudonyms=True))
"""
WAREHOUSE_DIGEST = """
from edu.paths import get_home
from warehouse.digest import digest
home = get_home()
print("digest", digest(home.warehouse, with_pseudonyms=True), end=" ")
print(digest(home.published / "current.duckdb") if (home.published / "current.duckdb").exists() else "-")
"""


def environment(home: Path, key: Path) -> dict[str, str]:
    """Return the variables of a process that works on an installation."""
    return {**os.environ, "EDU_HOME": str(home), "EDU_KEY_FILE": str(key), "EDU_SETTLE_SECONDS": "0"}


def python(home: Path, key: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python text in a process of its own on an installation."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(home, key),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def edu(home: Path, key: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the platform."""
    return python(home, key, EDU, *arguments)


def step(home: Path, key: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a step to its end."""
    return edu(home, key, *command(home, name))


def command(home: Path, name: str) -> list[str]:
    """Return the arguments of a step."""
    return [part.format(inbox=home / "inbox", backups=home.parent / "backups") for part in STEPS[name]]


def done(result: subprocess.CompletedProcess[str]) -> None:
    """Assert that a step ended as it does where nothing is broken."""
    assert result.returncode in (0, HELD), result.stdout[-2000:] + result.stderr[-2000:]


def collected(home: Path, key: Path, folder: Path) -> str:
    """Return the digest of what was landed: of the collection layer, which all others are made of."""
    out = folder / f"{home.name}-collection.duckdb"
    return digest_of(python(home, key, COLLECTION_DIGEST, str(out)))


def built(home: Path, key: Path) -> str:
    """Return the digests of the warehouse and of what is served."""
    return digest_of(python(home, key, WAREHOUSE_DIGEST))


def served(home: Path, key: Path) -> str:
    """Return the digest of what is served."""
    result = edu(home, key, "digest", str(home / "published" / "current.duckdb"))
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.split()[-1]


def digest_of(result: subprocess.CompletedProcess[str]) -> str:
    """Return the line of a process that tells digests."""
    assert result.returncode == 0, result.stderr[-2000:]
    return next(line for line in result.stdout.splitlines() if line.startswith("digest "))


def kill_during(home: Path, key: Path, name: str, after: float) -> bool:
    """Start a step and kill it with all its processes after so many seconds; return whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-c", EDU, *command(home, name)],
        env=environment(home, key),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def moment(name: str, number: int, of: int, seconds: float) -> float:
    """Return when to kill: a random moment in the n-th part of a step's time, so that all its time is covered."""
    part = random.Random(f"{SEED} {name} {number}").random()
    return seconds * (number + part) / of


@dataclass(frozen=True)
class Undisturbed:
    """A small city, and what its steps leave where nothing breaks: an installation and digests after each."""

    folder: Path
    digests: dict[str, str]
    seconds: dict[str, float]

    @property
    def key(self) -> Path:
        """The platform key that all copies share, so that pseudonyms are equal too."""
        return self.folder / "platform.key"

    def copy(self, stage: str, target: Path) -> Path:
        """Copy the installation as it was: with files of few senders, dropped, collected, built, published, or corrected:
        built, and then landed what clerks sent anew.
        """
        shutil.copytree(self.folder / stage, target, symlinks=True)
        return target


def make_undisturbed(folder: Path) -> Undisturbed:
    """Build the undisturbed installation once a run, also where several processes share the tests."""
    told = folder / "undisturbed.json"
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            _make(folder, told)
    said = json.loads(told.read_text(encoding="utf-8"))
    return Undisturbed(folder, said["digests"], said["seconds"])


def _make(folder: Path, told: Path) -> None:
    from synthetic.city import write_city

    key = folder / "platform.key"
    key.write_text("5a" * 32)
    write_city(folder / "city", scale=0.02, terms=2, seed=13, defects=2)
    home = folder / "home"
    Home(home).ensure()
    shutil.copytree(folder / "city" / "inbox", home / "inbox", dirs_exist_ok=True)
    shutil.copytree(home, folder / "dropped")
    digests, seconds = {}, {}
    few = folder / "few"
    shutil.copytree(home, few)
    for sender in sorted((few / "inbox").iterdir())[FEW_SENDERS:]:
        shutil.rmtree(sender)
    shutil.copytree(few, folder / "few_collected")
    start = time.monotonic()
    done(step(folder / "few_collected", key, "collect"))
    seconds["collect"] = time.monotonic() - start
    digests["few"] = collected(folder / "few_collected", key, folder)
    for name, stage in (("collect", "collected"), ("build", "built"), ("publish", "published"), ("backup", "kept")):
        start = time.monotonic()
        done(step(home, key, name))
        seconds.setdefault(name, time.monotonic() - start)
        shutil.copytree(home, folder / stage, symlinks=True)
        if name == "collect":
            digests[name] = collected(home, key, folder)
        else:
            digests[name] = built(home, key)
    # Gates have judged since what was collected.
    digests["judged"] = collected(folder / "kept", key, folder)
    corrected = folder / "corrected"
    shutil.copytree(folder / "built", corrected, symlinks=True)
    shutil.copytree(folder / "city" / "wave2", corrected / "inbox", dirs_exist_ok=True)
    done(step(corrected, key, "collect"))
    shutil.copytree(corrected, folder / "corrected_built", symlinks=True)
    start = time.monotonic()
    done(step(folder / "corrected_built", key, "rebuild"))
    seconds["rebuild"] = time.monotonic() - start
    # What a build leaves as it is must be what one that leaves nothing makes.
    done(step(folder / "corrected_built", key, "full"))
    digests["rebuild"] = built(folder / "corrected_built", key)
    shutil.rmtree(folder / "corrected_built")
    told.write_text(json.dumps({"digests": digests, "seconds": seconds}), encoding="utf-8")


@contextmanager
def reader(home: Path, log: Path) -> Iterator[None]:
    """Read what is served again and again until the end; not one read may fail."""
    process = subprocess.Popen([sys.executable, "-c", READ, str(home / "published" / "current.duckdb"), str(log)])
    try:
        yield
        time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    lines = log.read_text(encoding="utf-8").splitlines()
    # The last line may have been cut short by the kill.
    failed = [line for line in lines if line.startswith("failed")]
    assert not failed, failed[:3]
    assert len(lines) > 10
