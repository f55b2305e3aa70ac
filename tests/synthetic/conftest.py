"""One small city for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthetic.city import write_city


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("city")
    write_city(out, scale=0.02, terms=2, seed=3, defects=3)
    return out
