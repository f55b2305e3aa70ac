"""What a build takes over from the one before: seeds, and what each node was made from, while the project is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
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


def stamp(database: Path) -> None:
    """Write that a node was made."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create table if not exists {transform.STAMPS} as select 'model' as node")


def has_stamps(database: Path) -> bool:
    """Return whether the database says of what its nodes were made."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return bool(connection.execute("select 1 from duckdb_tables() where table_name = 'node_stamp'").fetchall())


STEPS: dict[str, Callable[[Home], object]] = {
    "seed": lambda home: transform.run_seeds(home, home.warehouse),
    "layer": lambda home: transform.run_layer("storage", home=home, database=home.warehouse),
    "gate readers": lambda home: transform.refresh_gate_readers(home, home.warehouse),
}
"""Steps that run dbt, each of which may be run by itself."""


@pytest.mark.parametrize("step", STEPS)
def test_every_step_forgets_what_another_project_made(
    edu_home: Home, seeds: Path, loads: list[Path], step: str
) -> None:
    transform.run_seeds(edu_home, edu_home.warehouse)
    stamp(edu_home.warehouse)
    STEPS[step](edu_home)
    assert has_stamps(edu_home.warehouse)
    (seeds / "model.sql").write_text("select 1", encoding="utf-8")
    STEPS[step](edu_home)
    assert not has_stamps(edu_home.warehouse)


def test_what_was_made_of_other_seeds_is_forgotten_with_them(edu_home: Home, seeds: Path, loads: list[Path]) -> None:
    transform.run_seeds(edu_home, edu_home.warehouse)
    (seeds / "seeds" / "stage.csv").write_text("stage\njunior\n", encoding="utf-8")
    # A layer that is run by itself knows the project, and reads the seeds of before.
    transform.run_layer("storage", home=edu_home, database=edu_home.warehouse)
    stamp(edu_home.warehouse)
    assert transform.run_seeds(edu_home, edu_home.warehouse).nodes == 1
    assert not has_stamps(edu_home.warehouse)


@pytest.mark.parametrize("package", ["dbt-core", "dbt-adapters", "dbt-duckdb"])
def test_another_version_of_what_writes_the_sql_is_another_project(
    edu_home: Home, seeds: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    transform.run_seeds(edu_home, edu_home.warehouse)
    stamp(edu_home.warehouse)
    known = metadata.version
    monkeypatch.setattr(transform.metadata, "version", lambda name: "0" if name == package else known(name))
    transform.run_seeds(edu_home, edu_home.warehouse)
    assert not has_stamps(edu_home.warehouse)


def test_what_no_model_makes_goes(edu_home: Home) -> None:
    nodes = [
        {"resource_type": "model", "schema": "query", "alias": "school"},
        {"resource_type": "seed", "schema": "seed", "alias": "stage"},
        {"resource_type": "test", "schema": "storage", "alias": "unique_key"},
    ]
    manifest = edu_home.logs / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"nodes": dict(enumerate(nodes))}), encoding="utf-8")
    kept = {"query.school", "seed.stage", "management.column_catalog", "management.suppression_rule", "main.node_stamp"}
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        for name in (*kept, "query.pupil_of_before", "seed.of_before", "storage.unique_key"):
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.execute(f"create table {name} as select 1 as column_of_it")
    transform._drop_left(edu_home.warehouse, manifest)
    with duckdb.connect(str(edu_home.warehouse), read_only=True) as connection:
        left = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    assert {name for (name,) in left} == kept
