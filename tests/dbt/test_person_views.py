"""Views with one row a person: no key but the person's id, nothing sensitive, restricted persons left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edu.paths import Home
from warehouse.catalog import catalog_rows
from warehouse.serving.access import COUNTY, NEVER_SERVED_PRIVACY, SCHOOL, Column, ServedTable
from warehouse.transform import _invoke

SERVED = ("query", "visualization")
PERSON_TABLES = {"student", "staff"}
"""Tables of persons that PostgreSQL serves under row-level security; a new one is added here on purpose."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = Home(tmp_path_factory.mktemp("dbt")).ensure()
    (home.logs / "dbt").mkdir(parents=True)
    _invoke(home, home.warehouse, "all", ["parse"], None)
    content: dict[str, Any] = json.loads((home.logs / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def rows(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in catalog_rows(manifest) if row["schema_name"] in SERVED]


def test_persons_stand_only_in_tables_of_their_level(rows: list[dict[str, Any]]) -> None:
    with_persons = {row["table_name"] for row in rows if row["column_name"] == "person_id"}
    assert with_persons == PERSON_TABLES
    assert {row["table_name"] for row in rows if row["level"] == "L3"} == PERSON_TABLES
    assert {row["level"] for row in rows if row["table_name"] not in PERSON_TABLES} <= {"L1", "L2"}


def test_a_person_has_no_other_key_and_nothing_sensitive(rows: list[dict[str, Any]]) -> None:
    person_rows = [row for row in rows if row["table_name"] in PERSON_TABLES]
    names = {row["column_name"] for row in person_rows}
    assert [name for name in names if name.endswith("_key")] == []
    assert names & {"birth_date", "address", "phone", "name", "id_number", "seat_no"} == set()
    assert [row["column_name"] for row in person_rows if row["privacy"] in NEVER_SERVED_PRIVACY] == []
    assert {row["column_name"] for row in person_rows if row["is_pseudonym"]} == {"person_id"}


def test_restricted_persons_are_left_out_of_every_such_table(manifest: dict[str, Any]) -> None:
    models = [n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] in SERVED]
    found = {node["alias"]: "is_shown(" in node["raw_code"] for node in models if "person_id" in node["columns"]}
    assert found == dict.fromkeys(PERSON_TABLES, True)


def test_a_county_and_a_school_are_given_their_rows_by_the_schools_id(rows: list[dict[str, Any]]) -> None:
    for name in PERSON_TABLES:
        columns = tuple(
            Column(r["column_name"], r["data_type"], r["label_zh"], r["description"], r["is_pseudonym"])
            for r in rows
            if r["table_name"] == name
        )
        table = ServedTable("query", name, "L3", "", columns)
        assert table.scope_column == "school_id"
        assert "person_id" not in table.columns_for(SCHOOL)
        assert "person_id" in table.columns_for(COUNTY)
