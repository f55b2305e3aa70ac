"""What a build makes again, and what it leaves: a small project that has the macros of the real one."""

from __future__ import annotations

import random
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
  config: {contract: {enforced: true}, meta: {stamped_by: [dataset, school]}}
  columns:
  - {name: dataset, data_type: varchar}
  - {name: school, data_type: varchar}
- name: pupils
  data_tests:
  - unique_key: {arguments: {columns: [school]}}
- name: roll
  config: {meta: {made_by: school}}
- name: seen
  config: {meta: {made_by: school}}
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
    "roll.sql": "select school, case when count(*) > 5 then error('too many') else count(*) end as classes "
    "from {{ own_units_of('class') }} group by school",
    # Says when a row was made, and reads a whole table beside its own part of one.
    "seen.sql": "select school, classes, '{{ invocation_id }}' as made, (select count(*) from {{ ref('teachers') }}) as staff "
    "from {{ remade_rows('roll', 'school') }}",
}
MACROS = """
{% macro generate_schema_name(custom_schema_name, node) -%} {{ custom_schema_name }} {%- endmacro %}
{% macro units_of(dataset) -%}
    {%- do reads_part('unit', dataset) -%}
    select school from {{ ref('unit') }} where dataset = '{{ dataset }}'
{%- endmacro %}
{% macro own_units_of(dataset) -%}
    {%- do reads_own_part('unit', dataset) -%}
    (select own.* from {{ ref('unit') }} as own where own.dataset = '{{ dataset }}' and {{ is_remade('own.school') }})
{%- endmacro %}
{% test unique_key(model, columns) %}
    select {{ columns | join(', ') }} from {{ model }} group by all having count(*) > 1
{% endtest %}
{% test few(model, most) %} select * from {{ model }} where pupils > {{ most }} {% endtest %}
"""
BUILT = ("unit", "row", "pupils", "teachers", "everything", "both", "total", "last", "rows", "roll", "seen")
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
    assert build() == {*ALWAYS, "teachers", "everything", "both", "seen"}
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
    assert build() == {*ALWAYS, "teachers", "everything", "both", "seen"}
    units(folder, "pupil,A")
    assert build() == {*ALWAYS, "teachers", "everything", "both", "seen"}
    assert read(folder, "select count(*) from s.teachers") == [(0,)]


def test_an_empty_table_stays_as_it_is(folder: Path, build: Build) -> None:
    units(folder, "teacher,A")
    build()
    assert read(folder, "select pupils from s.total") == [(0,)]
    units(folder, "teacher,B")
    assert build() == {*ALWAYS, "teachers", "everything", "both", "seen"}


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


def made(folder: Path) -> dict[str, str]:
    """Return which build made the rows of each school, and assert that no part is kept beyond a build."""
    assert read(folder, "select count(*) from main.kept_part") == [(0,)]
    return {str(school): str(build_id) for school, build_id in read(folder, "select school, made from s.seen")}


def counted(folder: Path) -> dict[str, int]:
    """Return the classes of each school as two tables have them."""
    found = read(folder, "select roll.school, roll.classes, seen.classes from s.roll full join s.seen using (school)")
    assert all(one == other for _, one, other in found)
    return {str(school): int(str(classes)) for school, classes, _ in found}


def test_only_the_part_with_other_inputs_is_made_again(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C", "teacher,A")
    build()
    before = made(folder)
    units(folder, "class,A", "class,A", "class,B", "class,C", "teacher,A")
    assert {"roll", "seen"} <= build()
    after = made(folder)
    assert {school for school in before if before[school] != after[school]} == {"A"}
    assert counted(folder) == {"A": 2, "B": 1, "C": 1}
    assert build() == ALWAYS


def test_a_part_that_something_else_kept_is_made_again(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C")
    build()
    with duckdb.connect(str(folder / "it.duckdb")) as connection:
        connection.execute("insert into main.kept_part values ('A')")
    units(folder, "class,A", "class,A", "class,B", "class,C")
    build()
    assert counted(folder) == {"A": 2, "B": 1, "C": 1}
    made(folder)


def test_a_part_that_comes_or_goes_takes_its_rows_with_it(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C", "class,D")
    build()
    before = made(folder)
    units(folder, "class,A", "class,C", "class,D", "class,E", "class,E")
    build()
    assert counted(folder) == {"A": 1, "C": 1, "D": 1, "E": 2}
    assert {school for school, build_id in made(folder).items() if build_id in before.values()} == {"A", "C", "D"}


def test_what_every_part_reads_makes_every_part_again(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C", "teacher,A")
    build()
    before = made(folder)
    units(folder, "class,A", "class,B", "class,C", "teacher,A", "teacher,B")
    assert {"seen"} <= build()
    assert set(made(folder).values()).isdisjoint(before.values())
    assert read(folder, "select distinct staff from s.seen") == [(2,)]


def test_a_part_without_rows_is_kept_too(folder: Path, build: Build) -> None:
    (folder / "project" / "models" / "seen.sql").write_text(
        "select school, classes, '{{ invocation_id }}' as made, 0 as staff from {{ remade_rows('roll', 'school') }} "
        "where classes > 1",
        encoding="utf-8",
    )
    units(folder, *["class,A"] * 2, *["class,B"] * 2, "class,C", "class,D")
    build()
    inputs = "select part, inputs, stamp from main.node_stamp where node = 'model.edu.seen' and part in ('C', 'D')"
    before = read(folder, f"{inputs} order by part")
    assert [(part, stamp) for part, _, stamp in before] == [("C", "empty"), ("D", "empty")]
    units(folder, *["class,A"] * 2, *["class,B"] * 2, "class,C", *["class,D"] * 2)
    build()
    assert read(folder, "select school from s.seen order by all") == [("A",), ("B",), ("D",)]
    assert read(folder, f"{inputs} and part = 'C'") == before[:1]
    assert len(set(made(folder).values())) == 2
    units(folder, *["class,A"] * 2, *["class,B"] * 2, "class,C", "class,D")
    build()
    assert read(folder, "select school from s.seen order by all") == [("A",), ("B",)]


def test_a_part_that_cannot_be_made_leaves_the_table(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C")
    build()
    before = made(folder)
    units(folder, *["class,A"] * 6, "class,B", "class,C")
    build(succeeds=False)
    assert counted(folder) == {"A": 1, "B": 1, "C": 1}
    assert made(folder) == before
    units(folder, *["class,A"] * 5, "class,B", "class,C")
    build()
    assert counted(folder) == {"A": 5, "B": 1, "C": 1}
    assert {school for school in before if before[school] != made(folder)[school]} == {"A"}


def test_a_model_that_names_the_table_too_keeps_no_part(folder: Path, build: Build) -> None:
    (folder / "project" / "models" / "seen.sql").write_text(
        "select school, classes, '{{ invocation_id }}' as made, (select sum(classes) from {{ ref('roll') }}) as staff "
        "from {{ remade_rows('roll', 'school') }}",
        encoding="utf-8",
    )
    units(folder, "class,A", "class,B", "class,C")
    build()
    before = made(folder)
    units(folder, "class,A", "class,A", "class,B", "class,C")
    build()
    assert set(made(folder).values()).isdisjoint(before.values())
    assert read(folder, "select distinct staff from s.seen") == [(4,)]


def test_a_model_may_read_its_part_of_two_datasets(folder: Path, build: Build) -> None:
    (folder / "project" / "models" / "roll.sql").write_text(
        "select school, count(*) as classes from (select * from {{ own_units_of('class') }} union all "
        "select * from {{ own_units_of('head') }}) group by school",
        encoding="utf-8",
    )
    rows = [f"{dataset},{school}" for dataset in ("class", "head") for school in "ABCDE"]
    units(folder, *rows)
    build()
    before = made(folder)
    units(folder, *rows, "class,A", "head,B")
    build()
    assert counted(folder) == {"A": 3, "B": 3, "C": 2, "D": 2, "E": 2}
    assert {school for school, build_id in made(folder).items() if before[school] != build_id} == {"A", "B"}


def test_rows_of_no_part_go_with_their_cause(folder: Path, build: Build) -> None:
    units(folder, "class,A", "class,B", "class,C", "class,")
    build()
    assert read(folder, "select count(*) from s.roll where school is null") == [(1,)]
    units(folder, "class,A", "class,B", "class,C")
    build()
    assert counted(folder) == {"A": 1, "B": 1, "C": 1}


def test_any_row_of_states_gives_what_stands_there(folder: Path, build: Build) -> None:
    chance = random.Random(7)
    for _ in range(6):
        wanted = {school: chance.choice([0, 1, 1, 1, 2]) for school in "ABCDEFGH"}
        units(folder, *(f"class,{school}" for school, number in wanted.items() for _ in range(number)), "teacher,A")
        build()
        assert counted(folder) == {school: number for school, number in wanted.items() if number}
        made(folder)
