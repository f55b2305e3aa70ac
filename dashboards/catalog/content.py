"""What the catalogue says of every table: gathered from contracts, the dbt manifest and the run records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from edu.contract import Contract, contracts
from edu.dictionary import TYPE_NAMES
from edu.paths import Home
from edu.runs import ensure_empty
from edu.table_names import column_meaning, table_labels, table_purposes

LAYERS = {
    "collection": "采集共享",
    "storage": "存储计算",
    "management": "管理监控",
    "analysis": "分析",
    "query": "查询",
    "visualization": "可视化展示",
}
LEVELS = {
    "L1": "可公开的汇总",
    "L2": "学校级数据",
    "L3": "去标识的个人数据",
    "L4": "敏感个人数据",
}
PUBLISHED = ("query", "visualization")
PUBLISHED_LEVELS = ("L1", "L2")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    label: str
    meaning: str
    """What it says, in Chinese; empty where the label says it, and of tables that are not served."""
    data_type: str
    description: str
    item: str
    code_set: str
    unit: str
    source: str
    """Label of the dataset whose contract defines it."""
    is_pseudonym: bool


@dataclass
class Table:
    """One table of the warehouse."""

    schema: str
    name: str
    model: str
    label: str
    purpose: str
    """What a row is and what the table is for, in Chinese; empty where the table is not served."""
    description: str
    level: str
    columns: list[Column]
    datasets: list[str]
    parents: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    tests: int = 0
    checks: int = 0
    failed: int = 0
    built_at: str = ""
    received_at: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def page(self) -> str:
        return f"table.{self.full_name}.html"

    @property
    def is_published(self) -> bool:
        return self.schema in PUBLISHED and self.level in PUBLISHED_LEVELS


@dataclass(frozen=True)
class Content:
    """Everything that the pages show."""

    tables: dict[str, Table]
    contracts: dict[str, Contract]
    codes: dict[str, list[tuple[str, str]]]
    labels_missing: tuple[str, ...]
    """Columns of published tables without a Chinese label; the publication gate refuses them."""


def _sources(nodes: dict[str, Any], sources: dict[str, Any], unique_id: str, seen: dict[str, set[str]]) -> set[str]:
    """Return the datasets that a model is made of, directly or not."""
    if unique_id in seen:
        return seen[unique_id]
    seen[unique_id] = set()
    found: set[str] = set()
    for parent in nodes[unique_id]["depends_on"]["nodes"]:
        if parent in sources:
            if sources[parent]["source_name"] == "lake":
                found.add(sources[parent]["name"])
        elif parent in nodes and nodes[parent]["resource_type"] == "model":
            found |= _sources(nodes, sources, parent, seen)
    seen[unique_id] = found
    return found


def _column(row: dict[str, Any], datasets: list[str], known: dict[str, Contract]) -> Column:
    """Return a column with what the first contract says that has a field of its name."""
    item, code_set, unit, source = "", "", "", ""
    for dataset in datasets:
        for spec in known[dataset].fields:
            if row["column_name"] in [name for name, _ in spec.lake_columns()]:
                item, code_set, unit = spec.item or "", spec.code_set or "", spec.unit or ""
                source = known[dataset].label
                break
        if source:
            break
    return Column(
        row["column_name"],
        row["label_zh"],
        column_meaning(f"{row['schema_name']}.{row['table_name']}", row["column_name"])
        if row["schema_name"] in PUBLISHED
        else "",
        row["data_type"],
        row["description"],
        item,
        code_set,
        unit,
        source,
        bool(row["is_pseudonym"]),
    )


def read_content(
    home: Home, manifest: dict[str, Any], rows: list[dict[str, Any]], codes: list[dict[str, str]]
) -> Content:
    """Gather the catalogue.

    Args:
        home: the installation, whose run records give freshness and quality.
        manifest: dbt's.
        rows: one record a column, as `warehouse.catalog.catalog_rows` gives them.
        codes: the seed `code_set`.
    """
    known, labels = contracts(), table_labels()
    nodes, sources = manifest["nodes"], manifest["sources"]
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    by_id = {key: f"{node['schema']}.{node['alias']}" for key, node in models.items()}
    seen: dict[str, set[str]] = {}
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_table.setdefault(f"{row['schema_name']}.{row['table_name']}", []).append(row)
    tables: dict[str, Table] = {}
    for key, node in sorted(models.items(), key=lambda pair: by_id[pair[0]]):
        name = by_id[key]
        meta = node["config"].get("meta") or {}
        made_of = sorted(dataset for dataset in _sources(nodes, sources, key, seen) if dataset in known)
        first = [dataset for dataset in meta.get("contract", []) if dataset in known]
        order = [*first, *(dataset for dataset in made_of if dataset not in first)]
        own = known.get(node["alias"]) if node["schema"] == "collection" else None
        tables[name] = Table(
            node["schema"],
            node["alias"],
            node["name"],
            own.label if own else meta.get("label_zh") or labels.get(name, node["alias"]),
            table_purposes().get(name, ""),
            node["description"],
            meta.get("level", "L2"),
            [_column(row, order, known) for row in by_table.get(name, [])],
            made_of,
        )
        tables[name].parents = sorted(
            {by_id[parent] for parent in node["depends_on"]["nodes"] if parent in by_id and parent != key}
        )
    for name, table in tables.items():
        for parent in table.parents:
            tables[parent].children.append(name)
    for node in nodes.values():
        if node["resource_type"] == "test" and node.get("attached_node") in by_id:
            tables[by_id[node["attached_node"]]].tests += 1
    _add_records(home, tables)
    by_set: dict[str, list[tuple[str, str]]] = {}
    for code in codes:
        by_set.setdefault(code["code_set"], []).append((code["code"], code["name"]))
    missing = tuple(
        f"{table.full_name}.{column.name}"
        for table in tables.values()
        if table.is_published
        for column in table.columns
        if not column.label
    )
    return Content(tables, known, {name: sorted(values) for name, values in sorted(by_set.items())}, missing)


def _add_records(home: Home, tables: dict[str, Table]) -> None:
    """Add when each table was built, the newest receipt of what it is made of, and its gate's latest results."""
    ensure_empty(home)
    with duckdb.connect() as connection:
        built = dict(
            connection.execute(
                f"select step, max(finished_at) from read_parquet('{home.runs}/run_log/*.parquet') "
                "where status = 'done' group by step"
            ).fetchall()
        )
        received = dict(
            connection.execute(
                f"select dataset, max(received_at) from read_parquet('{home.runs}/submission/*.parquet') "
                "where status <> 'rejected' group by dataset"
            ).fetchall()
        )
        gates = connection.execute(
            f"with every as (select * from read_parquet('{home.runs}/gate_result/*.parquet', union_by_name = true)), "
            "latest as (select gate, run_id, row_number() over (partition by gate order by max(recorded_at) desc, "
            "run_id desc) as newest_no from every group by gate, run_id) "
            "select table_name, count(*), count(*) filter (where not is_success and severity = 'critical') "
            "from every inner join latest using (gate, run_id) where newest_no = 1 and scope = 'global' "
            "group by table_name"
        ).fetchall()
    for name, checks, failed in gates:
        if name in tables:
            tables[name].checks, tables[name].failed = checks, failed
    for table in tables.values():
        if table.schema in built:
            table.built_at = f"{built[table.schema]:%Y-%m-%d %H:%M}"
        newest = [received[dataset] for dataset in table.datasets if dataset in received]
        if newest:
            table.received_at = f"{max(newest):%Y-%m-%d %H:%M}"


def type_name(kind: str) -> str:
    """Return the Chinese name of a contract's field type."""
    return TYPE_NAMES[kind]
