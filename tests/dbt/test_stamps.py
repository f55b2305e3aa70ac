"""What a build makes again, and what it leaves: a small project that has the macros of the real one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from edu.settings import PROJECT_ROOT

PROJECT_YML = """
name: edu
version: 1.0.0
config-version: 2
profile: edu
model-paths: [models]
macro-paths: [macros]
flags: {send_anonymous_usage_stats: false}
on-run-start: ["{{ prepare_stamps() }}"]
models:
  edu:
    +schema: s
    +materialized: table
    +post-hook: ["{{ stamp_batches() }}"]
"""
PROFILES_YML = """
edu:
  target: it
  outputs:
    it: {type: duckdb, path: "{{ env_var('STAMPS_DATABASE') }}", threads: 1}
"""
MODELS = {
    "sources.yml": """
version: 2
sources:
- name: outside
  tables:
  - name: unit
    config: {meta: {external_location: "read_csv('{{ env_var('STAMPS_FOLDER') }}/unit.csv', all_varchar = true)"}}
  - name: row
    config: {meta: {external_location: "read_csv('{{ env_var('STAMPS_FOLDER') }}/row*.csv', all_varchar = true)"}}
models:
- name: unit
  config: {contract: {enforced: true}, meta: {stamped_by: dataset}}
  columns:
  - {name: dataset, data_type: varchar}
  - {name: school, data_type: varchar}
- name: pupils
  data_tests:
  - unique_key: {arguments: {columns: [school]}}
- name: total
  data_tests:
  - few: {arguments: {most: 3}}
""",
    "unit.sql": "select dataset, school from {{ source('outside', 'unit') }}",
    "row.sql": "{{ config(materialized='incremental', incremental_strategy='append') }} "
    "select batch_id, school from {{ source('outside', 'row') }} "
    "{% if is_incremental() %} where batch_id not in (select loaded.batch_id from {{ this }} as loaded) {% endif %}",
    "pupils.sql": "{{ units_of('pupil') }}",
    "teachers.sql": "{{ units_of('teacher') }}",
    "everything.sql": "select dataset, school from {{ ref('unit') }}",
    # Names the table beside the macro, so it reads all of it.
    "both.sql": "select school from ({{ units_of('pupil') }}) as one union all select school from {{ ref('unit') }}",
    "total.sql": "select count(*) as pupils from {{ ref('pupils') }}",
    "last.sql": "select pupils + 1 as more from {{ ref('total') }}",
    "rows.sql": "select count(*) as number from {{ ref('row') }}",
}
MACROS = """
{% macro generate_schema_name(custom_schema_name, node) -%} {{ custom_schema_name }} {%- endmacro %}
{% macro units_of(dataset) -%}
    {%- do reads_part('unit', dataset) -%}
    select school from {{ ref('unit') }} where dataset = '{{ dataset }}'
{%- endmacro %}
{% test unique_key(model, columns) %}
    select {{ columns | join(', ') }} from {{ model }} group by all having count(*) > 1
{% endtest %}
{% test few(model, most) %} select * from {{ model }} where pupils > {{ most }} {% endtest %}
"""
BUILT = ("unit", "row", "pupils", "teachers", "everything", "both", "total", "last", "rows")
Build = Callable[..., set[str]]
"""Runs the project; returns which nodes were made again, tests by the first word of their kind."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, and what it reads: two schools with pupils, one with teachers, one batch of rows."""
    for name, text in MODELS.items():
        path = tmp_path / "project" / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "project" / "dbt_project.yml").write_text(PROJECT_YML, encoding="utf-8")
    (tmp_path / "project" / "profiles.yml").write_text(PROFILES_YML, encoding="utf-8")
    shutil.copytree(PROJECT_ROOT / "dbt_project" / "macros" / "engine", tmp_path / "project" / "macros" / "engine")
    (tmp_path / "project" / "macros" / "own.sql").write_text(MACROS, encoding="utf-8")
    monkeypatch.setenv("STAMPS_FOLDER", str(tmp_path))
    monkeypatch.setenv("STAMPS_DATABASE", str(tmp_path / "it.duckdb"))
    units(tmp_path, "pupil,A", "pupil,B", "teacher,A")
    (tmp_path / "row_1.csv").write_text("batch_id,school\nb1,A\nb1,B\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def build(folder: Path) -> Build:
    """Give the build of the project."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    def run(*options: str, succeeds: bool = True) -> set[str]:
        place = ["--project-dir", str(folder / "project"), "--profiles-dir", str(folder / "project")]
        place += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs"), "--quiet"]
        outcome = dbtRunner().invoke(["build", *place, *options])
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        assert outcome.success == succeeds, outcome.exception
        made = set()
        for result in outcome.result.results:
            if result.node.resource_type == "operation" or str(result.status) == "skipped":
                continue
            path = Path(result.node.build_path)
            text = (path if path.is_absolute() else folder / "project" / path).read_text(encoding="utf-8")
            if "'unchanged'" not in text:
                made.add(result.node.name.split("_")[0] if result.node.resource_type == "test" else result.node.name)
        return made

    return run


def units(folder: Path, *rows: str) -> None:
    """Write what the source `unit` gives."""
    (folder / "unit.csv").write_text("dataset,school\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")


def read(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """Return what stands in the database."""
    with duckdb.connect(str(folder / "it.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


ALWAYS = {"unit", "row"}
"""What reads a source."""
TESTS = {"unique", "few"}


def test_nothing_new_makes_nothing_again(build: Build) -> None:
    assert build() == {*BUILT, *TESTS}
    assert build() == ALWAYS
    assert build("--full-refresh") == {*BUILT, *TESTS}
    assert build() == ALWAYS


def test_only_what_reads_the_part_is_made_again(folder: Path, build: Build) -> None:
    build()
    units(folder, "pupil,A", "pupil,B", "teacher,A", "teacher,C")
    assert build() == {*ALWAYS, "teachers", "everything", "both"}
    assert read(folder, "select school from s.teachers order by all") == [("A",), ("C",)]
    assert build() == ALWAYS


def test_a_table_with_the_same_rows_changes_nothing_behind_it(folder: Path, build: Build) -> None:
    build()
    units(folder, "pupil,C", "pupil,A", "teacher,A")
    # Other pupils, as many as before: the total is made again, and what reads it is not.
    assert build() == {*ALWAYS, "pupils", "everything", "both", "total", "unique"}
    # The order of rows is nothing.
    units(folder, "teacher,A", "pupil,A", "pupil,C")
    assert build() == ALWAYS


def test_two_rows_that_change_values_for_each_other_are_seen(folder: Path, build: Build) -> None:
    units(folder, *(f"{dataset},{school}" for dataset, school in [("pupil", "A"), ("teacher", "B"), ("pupil", "C")]))
    build()
    units(folder, *(f"{dataset},{school}" for dataset, school in [("pupil", "B"), ("teacher", "A"), ("pupil", "C")]))
    assert {"pupils", "teachers", "everything"} <= build()
    assert read(folder, "select school from s.teachers") == [("A",)]


def test_a_part_that_appears_or_goes_is_seen(folder: Path, build: Build) -> None:
    units(folder, "pupil,A")
    build()
    units(folder, "pupil,A", "teacher,A")
    assert build() == {*ALWAYS, "teachers", "everything", "both"}
    units(folder, "pupil,A")
    assert build() == {*ALWAYS, "teachers", "everything", "both"}
    assert read(folder, "select count(*) from s.teachers") == [(0,)]


def test_an_empty_table_stays_as_it_is(folder: Path, build: Build) -> None:
    units(folder, "teacher,A")
    build()
    assert read(folder, "select pupils from s.total") == [(0,)]
    units(folder, "teacher,B")
    assert build() == {*ALWAYS, "teachers", "everything", "both"}


def test_an_appended_batch_is_seen(folder: Path, build: Build) -> None:
    build()
    (folder / "row_2.csv").write_text("batch_id,school\nb2,C\n", encoding="utf-8")
    assert build() == {*ALWAYS, "rows"}
    assert read(folder, "select number from s.rows") == [(3,)]


def test_a_test_that_failed_is_run_again(folder: Path, build: Build) -> None:
    build()
    units(folder, "pupil,A", "pupil,B", "pupil,C", "pupil,D")
    assert "few" in build(succeeds=False)
    # The table is what it was when the test failed, and the test fails again.
    assert build(succeeds=False) >= {"few"}
    assert read(folder, "select more from s.last") == [(3,)]
    units(folder, "pupil,A", "pupil,B")
    assert build() >= {"few", "total"}
    assert read(folder, "select more from s.last") == [(3,)]


def test_a_table_that_is_gone_is_made_again(folder: Path, build: Build) -> None:
    build()
    with duckdb.connect(str(folder / "it.duckdb")) as connection:
        connection.execute("drop table s.total")
    assert "total" in build()


def test_a_table_of_batches_that_has_no_stamp_is_loaded_anew(folder: Path, build: Build) -> None:
    build()
    # As where another project loaded them: what it made of a batch is not what this one makes.
    with duckdb.connect(str(folder / "it.duckdb")) as connection:
        connection.execute("update s.row set school = 'Z'")
        connection.execute("drop table main.node_stamp")
    build()
    assert read(folder, "select school from s.row order by all") == [("A",), ("B",)]
    # One that has its stamp is appended to.
    with duckdb.connect(str(folder / "it.duckdb")) as connection:
        connection.execute("update s.row set school = 'Z'")
    (folder / "row_2.csv").write_text("batch_id,school\nb2,C\n", encoding="utf-8")
    assert build() == {*ALWAYS, "rows"}
    assert read(folder, "select school from s.row order by all") == [("C",), ("Z",), ("Z",)]
