"""Fixtures that all tests share: an installation of its own for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edu.paths import Home, get_home
from edu.settings import get_settings


@pytest.fixture
def edu_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Folders of an empty installation; `EDU_HOME` names it for the length of the test."""
    monkeypatch.setenv("EDU_HOME", str(tmp_path / "edu_home"))
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0")
    get_settings.cache_clear()
    yield get_home().ensure()
    get_settings.cache_clear()
