"""Every part runs to its end on a small city, as `make bench` runs it on a large one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edu.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow
PARTS = ("landing", "build", "gates", "resubmission", "query", "dags")
SIZES = ("--rows", "3000", "--scale", "0.02", "--terms", "2", "--terms-kept", "2", "--readers", "2")


def test_parts_give_their_figures(tmp_path: Path) -> None:
    kept = tmp_path / "results.json"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "EDU_HOME": str(tmp_path / "home")}
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        *PARTS,
        *SIZES,
        "--work",
        str(tmp_path / "work"),
        "--json",
        str(kept),
    ]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    results = json.loads(kept.read_text(encoding="utf-8"))
    assert set(results) == set(PARTS)
    for part, result in results.items():
        assert result["figures"], part
        assert all(math.isfinite(figure["value"]) and figure["value"] >= 0 for figure in result["figures"]), part
    steps = {figure["name"].removeprefix("of the build: ") for figure in results["build"]["figures"]}
    assert {"collection", "storage", "management", "analysis", "query", "visualization"} <= steps
