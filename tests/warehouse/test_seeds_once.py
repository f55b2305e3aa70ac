"""Seeds are loaded when the database does not hold them as they are, and only then."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from edu.paths import Home
from warehouse import transform


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one seed, in place of the real one."""
    project = tmp_path / "project"
    (project / "seeds").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: edu\n", encoding="utf-8")
    (project / "seeds" / "stage.csv").write_text("stage\nprimary\n", encoding="utf-8")
    monkeypatch.setattr(transform, "PROJECT", project)
    return project


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The databases into which dbt would have loaded the seeds."""
    done: list[Path] = []

    def invoke(_: Home, database: Path, *__: object) -> int:
        with duckdb.connect(str(database)) as connection:
            connection.execute("create schema if not exists seed")
        done.append(database)
        return 1

    monkeypatch.setattr(transform, "_invoke", invoke)
    return done


def test_what_is_loaded_is_not_loaded_again(edu_home: Home, seeds: Path, loads: list[Path]) -> None:
    nodes = [transform.run_seeds(edu_home, edu_home.warehouse).nodes for _ in range(3)]
    assert nodes == [1, 0, 0]
    assert transform.run_seeds(edu_home, edu_home.warehouse, full=True).nodes == 1


@pytest.mark.parametrize("changed", ["seeds/stage.csv", "dbt_project.yml", "seeds/grade.csv"])
def test_a_change_is_loaded(edu_home: Home, seeds: Path, loads: list[Path], changed: str) -> None:
    transform.run_seeds(edu_home, edu_home.warehouse)
    with (seeds / changed).open("a", encoding="utf-8") as stream:
        stream.write("junior\n")
    assert transform.run_seeds(edu_home, edu_home.warehouse).nodes == 1


def test_each_database_has_its_own(edu_home: Home, seeds: Path, loads: list[Path], tmp_path: Path) -> None:
    aside = tmp_path / "aside.duckdb"
    transform.run_seeds(edu_home, edu_home.warehouse)
    transform.run_seeds(edu_home, aside)
    assert loads == [edu_home.warehouse, aside]


def test_a_load_that_did_not_end_is_done_again(
    edu_home: Home, seeds: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    transform.run_seeds(edu_home, edu_home.warehouse)
    (seeds / "seeds" / "stage.csv").write_text("stage\njunior\n", encoding="utf-8")
    loading = transform._invoke

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(transform, "_invoke", killed)
    with pytest.raises(KeyboardInterrupt):
        transform.run_seeds(edu_home, edu_home.warehouse)
    # What stands in the file is again what was noted at first, but the tables may be half of each.
    (seeds / "seeds" / "stage.csv").write_text("stage\nprimary\n", encoding="utf-8")
    monkeypatch.setattr(transform, "_invoke", loading)
    assert transform.run_seeds(edu_home, edu_home.warehouse).nodes == 1
