"""The undisturbed installation that every fault is compared with."""

from __future__ import annotations

import os

import pytest
from breaking import Undisturbed, make_undisturbed


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Give the installation after each step, and its digests; made once a run."""
    base = tmp_path_factory.getbasetemp()
    return make_undisturbed((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "undisturbed")
