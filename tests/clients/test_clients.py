"""Other programs read the published file: DuckDB 1.2, the Node client, the WASM client, and fifty readers at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from small_city import make

from edu.paths import Home
from warehouse.publish import read_changelog

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parent
SQL = "select count(*)::varchar, sum(pupils)::varchar, max(note) from query.school"
EXPECTED = [["10", "300", "荆州\n实验"]]
"""Five schools of 10, 20, … 50 pupils in two terms; the note is the last in code point order."""
READERS = 50
PUBLISHES = 5
SECONDS = 180
READER = """
import sys, time, duckdb
link, stop = sys.argv[1], sys.argv[2]
import pathlib
reads = 0
while True:
    is_last = pathlib.Path(stop).exists()
    with duckdb.connect(str(pathlib.Path(link).resolve()), read_only=True, config={"threads": "1"}) as c:
        rows = c.execute("select count(*), count(distinct pupils % 10) from query.school").fetchall()
    assert rows == [(10, 1)], rows
    reads += 1
    time.sleep(1)
    if is_last:
        break
print(reads)
"""


@pytest.fixture
def published(edu_home: Home) -> Path:
    make(edu_home)
    return (edu_home.published / "current.duckdb").resolve()


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm clients installed from the registry that npm is set to."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("npm is missing: .ci/run installs it")
        pytest.skip("npm is not installed on this machine")
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "node.mjs", "wasm.cjs"):
        shutil.copy(FOLDER / name, folder)
    run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return folder


@pytest.mark.parametrize("script", ["node.mjs", "wasm.cjs"])
def test_npm_clients(node: Path, published: Path, script: str) -> None:
    assert json.loads(run("node", script, published, SQL, cwd=node)) == EXPECTED


def test_duckdb_1_2(published: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "duckdb==1.2.*", cwd=tmp_path)
    code = (
        "import duckdb, json, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
        "print(json.dumps([duckdb.__version__, [list(r) for r in c.execute(sys.argv[2]).fetchall()]]))"
    )
    version, rows = json.loads(run(python, "-c", code, published, SQL, cwd=tmp_path))
    assert version.startswith("1.2.")
    assert rows == EXPECTED


def test_fifty_processes_read_while_versions_are_published(
    edu_home: Home, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    make(edu_home)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(edu_home.published / "current.duckdb"), str(stop)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(READERS)
    ]
    started = time.monotonic()
    try:
        for extra in range(1, PUBLISHES + 1):
            make(edu_home, extra=extra)
    finally:
        stop.touch()
    answers = [reader.communicate(timeout=SECONDS) for reader in readers]
    assert [error[-500:] for (_, error), reader in zip(answers, readers, strict=True) if reader.returncode != 0] == []
    reads = [int(text.split()[-1]) for text, _ in answers]
    assert len(read_changelog(edu_home)) == PUBLISHES + 1
    assert min(reads) >= 1
    record_property("reads", sum(reads))
    sys.stdout.write(
        f"{sum(reads)} reads by {READERS} processes over {PUBLISHES} publications in {time.monotonic() - started:.0f} s\n"
    )


def test_the_file_says_its_version(published: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as p (read_only)")
        tags = connection.execute("select tags from duckdb_databases() where database_name = 'p'").fetchone()
    assert tags is not None
    assert tags[0].get("storage_version", "").startswith("v1.0.0")
