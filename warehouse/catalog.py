"""Writes into a built database what each column is: label, description, level, volatile or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from edu.contract import contracts
from edu.dictionary import lake_column_notes
from edu.table_names import table_labels, table_purposes

CATALOG = "management.column_catalog"
SUPPRESSION = "management.suppression_rule"
KEPT_MEAN = "kept_mean"
"""Name of the rule of means, in the model's description and in the table of rules."""
PREFIXES = ("col_", "mgt_", "ana_", "qry_", "viz_")


def table_of(model: str) -> str:
    """Return the table's name of a model: without the layer's prefix."""
    return model[4:] if model.startswith(PREFIXES) else model


def catalog_rows(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one record a column of every model of the manifest, in table and column order."""
    rows = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        meta = node["config"].get("meta") or {}
        from_contracts: dict[str, tuple[str, str, str]] = {}
        for dataset in meta.get("contract", []):
            from_contracts.update(lake_column_notes(contracts()[dataset]))
        for position, column in enumerate(node["columns"].values()):
            own = {**(column.get("meta") or {}), **((column.get("config") or {}).get("meta") or {})}
            label, _, privacy = from_contracts.get(column["name"], ("", "", "ordinary"))
            rows.append(
                {
                    "schema_name": node["schema"],
                    "table_name": node["alias"],
                    "column_name": column["name"],
                    "position": position,
                    "data_type": column.get("data_type") or "",
                    "label_zh": own.get("label_zh") or label,
                    "description": column["description"],
                    "privacy": privacy,
                    "level": meta.get("level", "L2"),
                    "is_volatile": bool(own.get("is_volatile") or meta.get("is_volatile")),
                    "is_pseudonym": bool(own.get("is_pseudonym")),
                }
            )
    return sorted(rows, key=lambda row: (row["schema_name"], row["table_name"], row["position"]))


def suppression_rows(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """Return the rules of models whose counts or means are protected at publication: table, and rule as JSON."""
    rows = []
    for node in manifest["nodes"].values():
        meta = (node["config"].get("meta") or {}) if node["resource_type"] == "model" else {}
        rules = [meta.get("suppression"), {KEPT_MEAN: meta[KEPT_MEAN]} if meta.get(KEPT_MEAN) else None]
        rows += [
            {"schema_name": node["schema"], "table_name": node["alias"], "rule": json.dumps(rule, sort_keys=True)}
            for rule in rules
            if rule
        ]
    return sorted(rows, key=lambda row: (row["schema_name"], row["table_name"], row["rule"]))


def read_suppression_rules(
    connection: duckdb.DuckDBPyConnection, database: str
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return schema, table and rule of each model of a built database; none where it was built before there were rules."""
    schema, table = SUPPRESSION.split(".")
    if not connection.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = ? and table_name = ?",
        [database, schema, table],
    ).fetchone():
        return []
    rows = connection.execute(f"select * from {database}.{SUPPRESSION} order by all").fetchall()
    return [(schema, table, json.loads(rule)) for schema, table, rule in rows]


SUPPRESSION_SCHEMA = pa.schema([(name, pa.string()) for name in ("schema_name", "table_name", "rule")])


def _comment(connection: duckdb.DuckDBPyConnection, kind: str, name: str, text: str) -> None:
    escaped = text.replace("'", "''")
    connection.execute(f"comment on {kind} {name} is '{escaped}'")


def _table_comment(node: dict[str, Any]) -> str:
    """Return a table's comment: its Chinese name and purpose for analysts, then the engineer's description."""
    name = f"{node['schema']}.{node['alias']}"
    parts = [table_labels().get(name), table_purposes().get(name)]
    chinese = "：".join(part for part in parts if part)
    return f"{chinese} | {node['description']}" if chinese else str(node["description"])


def write_catalog(database: Path, manifest_path: Path) -> None:
    """Write `management.column_catalog` and the comments of all tables and columns."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    rows = catalog_rows(manifest)
    with duckdb.connect(str(database)) as connection:
        connection.register("catalog_rows", pa.Table.from_pylist(rows))
        connection.execute(
            f"create or replace table {CATALOG} as "
            "select * from catalog_rows order by schema_name, table_name, position"
        )
        connection.register(
            "suppression_rows", pa.Table.from_pylist(suppression_rows(manifest), schema=SUPPRESSION_SCHEMA)
        )
        connection.execute(f"create or replace table {SUPPRESSION} as select * from suppression_rows order by all")
        existing = {
            (row[0], row[1]): row[2]
            for row in connection.execute(
                "select schema_name, table_name, table_oid from duckdb_tables() where not internal"
            ).fetchall()
        }
        # One transaction: a commit of its own for every column would take longer than all else here.
        connection.begin()
        for node in manifest["nodes"].values():
            if node["resource_type"] == "model" and (node["schema"], node["alias"]) in existing:
                _comment(connection, "table", f'"{node["schema"]}"."{node["alias"]}"', _table_comment(node))
        for row in rows:
            if (row["schema_name"], row["table_name"]) in existing:
                place = f'"{row["schema_name"]}"."{row["table_name"]}"."{row["column_name"]}"'
                _comment(connection, "column", place, f"{row['label_zh']} | {row['description']}")
        connection.commit()
