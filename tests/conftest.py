"""Fixtures that all tests share: an installation of its own for every test that asks for one, and one built city."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edu.paths import Home, get_home
from edu.settings import get_settings

if TYPE_CHECKING:
    from tests_city import City

CLEAN_SEED, CLEAN_TERMS = 7, 4
OTHER_SEEDS = (11, 23)


FIRST = (
    "integration/test_city.py",
    "integration/test_questions.py",
    "warehouse/test_cases.py",
    "integration/test_supersession.py",
    "integration/test_organisation_alias.py",
    "dbt/test_layering.py",
    "integration/test_replay.py",
    "ingest",
    "warehouse",
    "expectations",
)
"""Files and folders whose tests begin a run, in this order. The first builds the city that others share, while the second
process has long work that does without it; what is quick fills the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long work first, so that processes that share the tests end together."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((n for n, name in enumerate(FIRST) if f"/tests/{name}" in path), len(FIRST))

    items.sort(key=place)


@pytest.fixture
def edu_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Folders of an empty installation; `EDU_HOME` names it for the length of the test."""
    monkeypatch.setenv("EDU_HOME", str(tmp_path / "edu_home"))
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0")
    get_settings.cache_clear()
    yield get_home().ensure()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def clean_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Give the clean city of seed 7, two school years long, collected and built, with its receipts.

    It is built once a run, also where several processes share the tests: the first that asks builds, the others wait.
    Tests only read it; one that writes works on `clean_city.copy(folder)`.
    """
    return _shared_city(tmp_path_factory, CLEAN_SEED)


@pytest.fixture(
    scope="session",
    params=[CLEAN_SEED, *(pytest.param(seed, marks=pytest.mark.slow) for seed in OTHER_SEEDS)],
    ids="seed{}".format,
)
def seeded_city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> City:
    """Give the clean city of each seed in turn, as `clean_city` does: that one in every run, the others in slow ones."""
    return _shared_city(tmp_path_factory, request.param)


def _shared_city(tmp_path_factory: pytest.TempPathFactory, seed: int) -> City:
    from tests_city import City

    base = tmp_path_factory.getbasetemp()
    # Processes of one run have folders of their own below the run's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"clean_city_{seed}"
    receipts = folder / "receipts.json"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not receipts.exists():
            # What a builder that was killed left behind is no city.
            shutil.rmtree(folder, ignore_errors=True)
            _build_clean_city(folder, receipts, seed)
    return City(folder / "city", Home(folder / "edu_home"), json.loads(receipts.read_text(encoding="utf-8")))


def _build_clean_city(folder: Path, receipts: Path, seed: int) -> None:
    from tests_city import make_city

    before = os.environ.get("EDU_HOME")
    try:
        city = make_city(folder, seed=seed, defects=0, terms=CLEAN_TERMS)
        found = city.collect()
        city.build()
    finally:
        # The next test of this process starts where it would have started without the city.
        if before is None:
            os.environ.pop("EDU_HOME", None)
        else:
            os.environ["EDU_HOME"] = before
        get_settings.cache_clear()
    # The receipts come last: a city that has them is whole.
    receipts.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
