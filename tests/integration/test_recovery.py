"""What was lost is got back on a whole city with decisions, a lock and corrections that wait: everything, or a part."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from tests_city import City, make_city

from edu.paths import Home
from edu.pseudonym import key_path

pytestmark = pytest.mark.slow
PERIOD = "2025-2026/1"
BY = {"author": "基教科", "reason": "电话核实"}


@dataclass
class Original:
    """A city as it was before anything was lost."""

    home: Home
    backup: Path
    key: Path
    digests: tuple[str, str]
    """Of the warehouse, without and with pseudonyms."""


def edu(home: Home, *arguments: str, fails: bool = False) -> str:
    """Run a command on an installation in a process of its own, as an engineer does; return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "edu.cli", *arguments],
        env={**os.environ, "EDU_HOME": str(home.root), "EDU_SETTLE_SECONDS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) is fails, done.stdout[-2000:] + done.stderr[-2000:]
    return (done.stderr if fails else done.stdout).strip()


def digests(home: Home) -> tuple[str, str]:
    """Return both digests of a warehouse."""
    plain, keyed = edu(home, "digest"), edu(home, "digest", "--with-pseudonyms")
    assert len(plain) == len(keyed) == 64
    return plain, keyed


def decide_and_lock(city: City) -> None:
    """Decide a case, approve the roll of one term up to the city, and let the corrected files come after that."""
    from warehouse.approval import approve
    from warehouse.cases import decide, list_cases

    home = city.home
    twice = list_cases(home, kind="dual_enrolment")[0]
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        [(school,)] = connection.execute(
            "select min(school_code) from management.case_school where case_id = ?", [twice["case_id"]]
        ).fetchall()
        counties = connection.execute(
            "select distinct org from management.approval_status where org_level = 'county' order by org"
        ).fetchall()
    decide(home, twice["case_id"], "effective_school", school=school, **BY)
    roll = {"dataset": "student", "period": PERIOD, "actor": "clerk", "reason": "核对", "cover_missing": True}
    for (county,) in counties:
        approve(home, org=county, **roll)
    city.build()
    approve(home, org="421000", **roll)
    city.collect("wave2")
    city.build()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A built city with its backup; the key lies elsewhere, as it should."""
    folder = tmp_path_factory.mktemp("recovery")
    city = make_city(folder, seed=7, defects=2)
    city.collect()
    city.build()
    decide_and_lock(city)
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        told = connection.execute(
            "select (select count(*) from management.\"case\" where status = 'decided'), "
            "(select count(*) > 0 from management.correction where correction_status = 'waiting'), "
            "(select count(*) from storage.unit_approval where org_level = 'city' and approval_state = 'locked')"
        ).fetchone()
    assert told == (1, True, 1)
    backup, key = folder / "backups", folder / "key-in-the-safe"
    edu(city.home, "backup", "--to", str(backup))
    edu(city.home, "backup", "--to", str(backup), "--verify")
    shutil.copy(key_path(city.home), key)
    return Original(city.home, backup, key, digests(city.home))


def lacking(original: Original, folder: Path, *lost: str) -> Home:
    """Return a copy of the original's installation from which folders or files are gone."""
    home = Home(folder / "edu_home")
    shutil.copytree(original.home.root, home.root, symlinks=True)
    for name in lost:
        path = home.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return home


def test_all_is_lost_and_restored_into_an_empty_folder(original: Original, tmp_path: Path) -> None:
    home = Home(tmp_path / "restored")
    edu(home, "restore", "--from", str(original.backup), "--into", str(home.root), "--key", str(original.key))
    assert not home.warehouse.exists()
    edu(home, "build", "--full")
    assert digests(home) == original.digests
    assert edu(home, "vault", "verify").startswith("audit log: ")


def test_a_lost_warehouse_is_rebuilt_from_the_lake(original: Original, tmp_path: Path) -> None:
    home = lacking(original, tmp_path, "warehouse.duckdb", "archive")
    edu(home, "build", "--full")
    assert digests(home) == original.digests


def test_a_lost_lake_is_rebuilt_from_the_archive(original: Original, tmp_path: Path) -> None:
    damaged = lacking(original, tmp_path, "warehouse.duckdb", "lake", "quarantine")
    # A build over what is left would be a city without rows: it says what is missing and stops.
    assert "replay" in edu(damaged, "build", "--full", fails=True)
    home = Home(tmp_path / "replayed")
    edu(damaged, "replay", "--all", "--into", str(home.root))
    edu(home, "build", "--full")
    assert digests(home) == original.digests
