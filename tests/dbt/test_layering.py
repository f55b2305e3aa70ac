"""The house rules of the dbt project, read from its manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edu.contract import contracts
from edu.paths import Home
from edu.settings import PROJECT_ROOT

PREFIXES = {
    "collection": ("col_",),
    "storage": ("dim_", "fct_", "bridge_", "map_", "unit_"),
    "management": ("mgt_",),
    "analysis": ("ana_",),
    "query": ("qry_",),
    "visualization": ("viz_",),
}
READS = {
    "collection": {"collection"},
    "storage": {"storage", "collection"},
    "management": {"management", "storage", "collection"},
    "analysis": {"analysis", "storage"},
    "query": {"query", "storage", "management", "analysis"},
    "visualization": {"visualization", "analysis", "management", "query", "storage"},
}
"""Which layers a layer may read; dimensions of storage give visualization its names."""
KEYLESS = {"col_gate_result", "col_finding", "col_run_log", "col_unit", "mgt_gate_result"}
"""Records that may rightly stand twice."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from warehouse.transform import _invoke

    home = Home(tmp_path_factory.mktemp("dbt")).ensure()
    (home.logs / "dbt").mkdir(parents=True)
    _invoke(home, home.warehouse, "all", ["parse"], None)
    content: dict[str, Any] = json.loads((home.logs / "dbt" / "target" / "manifest.json").read_text())
    return content


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def test_prefixes_say_the_layer(manifest: dict[str, Any]) -> None:
    assert [n["name"] for n in models(manifest) if not n["name"].startswith(PREFIXES[layer(n)])] == []
    assert all(node["schema"] == layer(node) for node in models(manifest))


def test_no_model_is_a_view(manifest: dict[str, Any]) -> None:
    # A view names the database that it was made in: a file that is copied or attached under another name loses it.
    assert [n["name"] for n in models(manifest) if n["config"]["materialized"] == "view"] == []


def test_layers_read_only_what_they_may(manifest: dict[str, Any]) -> None:
    wrong = []
    for node in models(manifest):
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("source.") and layer(node) != "collection":
                wrong.append(f"{node['name']} reads a source")
            if parent.startswith("model."):
                source = manifest["nodes"][parent]
                if layer(source) not in READS[layer(node)]:
                    wrong.append(f"{node['name']} reads {source['name']}")
    # Labels of divisions, stages and bands are reference, which every layer may look up.
    assert [text for text in wrong if " reads dim_" not in text] == []


def test_rows_are_loaded_after_the_units_they_are_of(manifest: dict[str, Any]) -> None:
    """A batch that lands in the middle of a build must not have its units read and its rows left out: nothing of the
    next build would tell that they are missing."""
    loads = [node for node in models(manifest) if node["config"]["materialized"] == "incremental"]
    assert {node["name"] for node in loads} == {f"col_{dataset}" for dataset in contracts()}
    assert [node["name"] for node in loads if "model.edu.col_unit" not in node["depends_on"]["nodes"]] == []


def test_what_is_made_by_parts_has_a_part_in_its_key(manifest: dict[str, Any]) -> None:
    """A row of no part would never be made again; the test of the key refuses one."""
    keys = {
        (node["attached_node"], column)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "unique_key"
        for column in node["test_metadata"]["kwargs"]["columns"]
    }
    by_parts = [node for node in models(manifest) if node["config"]["meta"].get("made_by")]
    assert by_parts
    assert [n["name"] for n in by_parts if (n["unique_id"], n["config"]["meta"]["made_by"]) not in keys] == []


def test_everything_is_described_and_keyed(manifest: dict[str, Any]) -> None:
    tested = {node["attached_node"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    problems = []
    for node in models(manifest):
        if not node["description"].startswith("One "):
            problems.append(f"{node['name']}: the description does not open with the grain")
        problems += [f"{node['name']}.{c['name']}" for c in node["columns"].values() if not c["description"]]
        is_lake = layer(node) == "collection" and node["name"][4:] in contracts()
        if node["unique_id"] not in tested and node["name"] not in KEYLESS and not is_lake:
            problems.append(f"{node['name']} has no key test")
        if layer(node) != "collection" and not node["config"]["contract"]["enforced"]:
            problems.append(f"{node['name']} has no contract")
    assert problems == []


def test_every_column_has_a_chinese_label(manifest: dict[str, Any]) -> None:
    from warehouse.catalog import catalog_rows

    rows = catalog_rows(manifest)
    assert [f"{r['table_name']}.{r['column_name']}" for r in rows if not r["label_zh"]] == []
    assert len(rows) > 400


def test_labels_of_contract_fields_come_from_the_contract(manifest: dict[str, Any]) -> None:
    from edu.dictionary import lake_column_notes

    doubled = []
    for node in models(manifest):
        known: dict[str, Any] = {}
        for dataset in (node["config"].get("meta") or {}).get("contract", []):
            known.update(lake_column_notes(contracts()[dataset]))
        for column in node["columns"].values():
            own = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
            if column["name"] in known and own.get("label_zh") == known[column["name"]][0]:
                doubled.append(f"{node['name']}.{column['name']}")
    assert doubled == []


def test_no_model_reads_the_clock() -> None:
    words = ("current_timestamp", "current_date", "now()", "today()")
    found = [
        path.name
        for path in (PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql")
        if any(word in path.read_text(encoding="utf-8").lower() for word in words)
    ]
    assert found == []


def test_collection_models_have_the_lakes_columns() -> None:
    for name, contract in contracts().items():
        sql = Path(PROJECT_ROOT / "dbt_project" / "models" / "collection" / f"col_{name}.sql").read_text()
        columns = [
            line.strip().removeprefix("lake_row.").rstrip(",")
            for line in sql.splitlines()
            if line.startswith("    lake_row.")
        ]
        assert columns == contract.lake_schema().names


def test_unit_tests_of_policy_pass(tmp_path: Path) -> None:
    """dbt's own unit tests: the golden coefficient, shares of levels, supersession."""
    from edu.runs import ensure_empty
    from warehouse.transform import _invoke, run_layer, run_seeds

    home = Home(tmp_path).ensure()
    ensure_empty(home)
    run_seeds(home, home.warehouse)
    for name in ("collection", "storage", "management", "analysis", "query"):
        run_layer(name, home=home, database=home.warehouse)
    assert _invoke(home, home.warehouse, "all", ["test", "--select", "test_type:unit"], None) >= 5


def test_what_is_read_outside_the_database_is_a_source(manifest: dict[str, Any]) -> None:
    # Of anything else a build would not know that it changed (macros/engine/stamps.sql).
    outside = ("read_parquet", "read_csv", "read_json", "glob(", "env_var", "run_query", "current_date", "now()")
    assert [n["name"] for n in models(manifest) if any(word in n["raw_code"] for word in outside)] == []


def test_a_macro_that_reads_a_table_in_parts_says_which(manifest: dict[str, Any]) -> None:
    parted = [n["name"] for n in models(manifest) if n["config"]["meta"].get("stamped_by")]
    assert {"unit_current", "unit_status"} <= set(parted)
    macros = [m for m in manifest["macros"].values() if m["package_name"] == "edu"]
    for table in parted:
        reading = {m["name"] for m in macros if f"ref('{table}')" in m["macro_sql"]}
        saying = {m["name"] for m in macros if f"reads_part('{table}'" in m["macro_sql"]}
        assert reading == saying, table
