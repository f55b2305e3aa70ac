"""A build reads the dbt project once, and anew after any change of a file, whatever time the file bears."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from warehouse import transform


def test_the_project_is_read_anew_after_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    model, newest = project / "models" / "a.sql", project / "dbt_project.yml"
    model.write_text("select 1", encoding="utf-8")
    newest.write_text("name: x", encoding="utf-8")
    os.utime(model, (1_000, 1_000))
    written = tmp_path / "manifest.json"
    parses = 0

    class Runner:
        def invoke(self, arguments: list[str]) -> SimpleNamespace:
            nonlocal parses
            assert arguments[0] == "parse"
            parses += 1
            written.write_text("{}", encoding="utf-8")
            return SimpleNamespace(success=True, result=parses)

    monkeypatch.setattr("dbt.cli.main.dbtRunner", Runner)
    monkeypatch.setattr(transform, "PROJECT", project)
    monkeypatch.setattr(transform, "_parsed", None)
    for name in transform.PARSED_NAMES:
        monkeypatch.setenv(name, "one")

    def read(*options: str) -> int:
        return int(transform._manifest(written, "storage", list(options)))

    assert (read(), read()) == (1, 1)
    # A file that is put back from elsewhere is older than the newest one.
    model.write_text("select 2, 3", encoding="utf-8")
    os.utime(model, (2_000, 2_000))
    assert (read(), read()) == (2, 2)
    model.rename(project / "models" / "b.sql")
    assert (read(), read()) == (3, 3)
    assert read("--vars", "{as_of: '2024-09-01'}") == 4
    monkeypatch.setenv("EDU_HOME", "other")
    assert read("--vars", "{as_of: '2024-09-01'}") == 5
    written.unlink()
    assert read("--vars", "{as_of: '2024-09-01'}") == 6
