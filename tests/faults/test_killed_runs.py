"""A run killed between two tasks, then a new run: the same digest as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import os, signal, sys
from edu.paths import get_home
from edu.pipeline import pass_gate, publish
from ingest.inbox import plan
from ingest.landing import land_plan
from warehouse.digest import digest
from warehouse import transform

stop_after = sys.argv[1]
home = get_home().ensure()

def step(name, work):
    work()
    if name == stop_after:
        os.kill(os.getpid(), signal.SIGKILL)

numbers = plan(home, 6)
for number in numbers:
    step(f"land {number}", lambda: land_plan(home, number))
step("seed", lambda: transform.run_seeds(home, home.warehouse))
for layer in transform.LAYERS:
    step(layer, lambda: transform.run_layer(layer, home=home, database=home.warehouse))
    if layer in ("collection", "storage"):
        step(f"gate {layer}", lambda: pass_gate(layer))
    if layer == "collection":
        step("apply_holds", lambda: transform.refresh_gate_readers(home, home.warehouse))
step("catalog", lambda: transform.finish(home, home.warehouse))
step("publish", lambda: publish(home))
print("digest", digest(home.warehouse, with_pseudonyms=True), digest(home.published / "current.duckdb"))
"""
BOUNDARIES = ("land 2", "collection", "gate collection", "storage", "analysis", "publish")


def run(home: Path, key: Path, stop_after: str = "-") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, stop_after],
        env={**os.environ, "EDU_HOME": str(home), "EDU_KEY_FILE": str(key)},
        capture_output=True,
        text=True,
        check=False,
    )


def digests(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr[-2000:]
    return next(line for line in result.stdout.splitlines() if line.startswith("digest "))


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A key, a home whose inbox holds a city's files, and the digests of an undisturbed run."""
    from synthetic.city import write_city

    folder = tmp_path_factory.mktemp("killed")
    key = folder / "platform.key"
    key.write_text("5a" * 32)
    write_city(folder / "city", scale=0.02, terms=2, seed=13, defects=2)
    fresh = folder / "fresh"
    shutil.copytree(folder / "city" / "inbox", fresh / "inbox")
    shutil.copytree(fresh, folder / "undisturbed")
    return key, fresh, digests(run(folder / "undisturbed", key))


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_new_run_after_a_kill_gives_the_same_digest(
    dropped: tuple[Path, Path, str], tmp_path: Path, boundary: str
) -> None:
    key, fresh, expected = dropped
    home = tmp_path / "home"
    shutil.copytree(fresh, home)
    killed = run(home, key, boundary)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert digests(run(home, key)) == expected
