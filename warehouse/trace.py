"""Walks a published figure back: mart → the tables it is made of → facts → rows of submissions.

The way is dbt's own: the manifest says which model reads which. From a model to its parent rows are followed by the key
columns that both have; a fact's rows lead to the collection by the key of the row and the deliveries that count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import duckdb

from edu.errors import EduError, ExitCode, WarehouseError
from edu.paths import Home

LAYERS = ("analysis", "query", "visualization")
KEYS = (
    "school_id",
    "period",
    "school_year",
    "term",
    "snapshot_date",
    "stage",
    "grade_code",
    "class_code",
    "division_code",
    "sex_code",
    "indicator_no",
    "size_band_code",
    "submitter_org",
    "code_module",
    "code_presentation",
)
"""Columns that mean the same wherever they stand, so that rows can be followed by them."""
RENAMED = {("fct_staff_snapshot", "stage"): "teach_stage"}
CONDITIONS = {
    "fct_enrolment_snapshot": "is_enrolled",
    "fct_staff_snapshot": "is_full_time_teacher and is_in_service",
}
"""Which rows of a fact figures count; a model that counts others says so in `CONDITIONS_OF`."""
CONDITIONS_OF = {
    ("ana_class_size", "fct_enrolment_snapshot"): "is_enrolled and class_code is not null",
    ("ana_balanced_input", "fct_enrolment_snapshot"): "is_enrolled and term = 1",
    ("ana_balanced_input", "fct_staff_snapshot"): "is_full_time_teacher and is_in_service and term = 1",
}
DIVIDED = ("dim_division", "dim_stage", "dim_grade", "dim_code", "dim_township", "dim_school")


@dataclass(frozen=True)
class Fact:
    """How a fact's rows lead to the rows of a dataset."""

    dataset: str
    period: str
    """Column of the fact that has the period of the submission."""
    match: str
    """Condition between the fact's row `f` and the dataset's row `r`."""
    school: str = "s.school_id = f.school_id and s.period = f.period"
    """Condition between the fact's row and `storage.dim_school`, which has the school's code then."""


FACTS = {
    "fct_enrolment_snapshot": Fact("student", "period", "r.row_key = f.row_key"),
    "fct_staff_snapshot": Fact("staff", "period", "r.row_key = f.row_key"),
    "dim_class": Fact("class", "period", "r.class_code = f.class_code"),
    "fct_base_table_figure": Fact(
        "base_table_figure",
        "school_year",
        "r.table_no = f.table_no and r.row_code = f.row_code and r.column_code = f.column_code",
        "s.school_id = f.school_id and s.school_year = f.school_year and s.term = 1",
    ),
    "fct_campus_facility": Fact(
        "campus_facility",
        "school_year",
        "r.campus_no is not distinct from f.campus_no",
        "s.school_id = f.school_id and s.school_year = f.school_year and s.term = 1",
    ),
}


class TraceError(EduError):
    """A table cannot be traced, or the condition cannot be read."""

    exit_code = ExitCode.USAGE


@dataclass
class Trace:
    """Where a figure comes from."""

    table: str
    where: str
    figures: list[dict[str, Any]]
    steps: list[dict[str, Any]] = field(default_factory=list)
    """table, rows, and the columns by which its rows were followed"""
    facts: list[dict[str, Any]] = field(default_factory=list)
    """table, rows, dataset, rows_of_submissions"""
    submissions: list[dict[str, Any]] = field(default_factory=list)
    """submission_id, dataset, submitter_org, period, received_at, source_ref, rows"""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """dataset, submission_id, sheet, row_number"""
    rows_total: int = 0

    def to_json(self) -> str:
        """Return the trace as JSON."""
        return json.dumps(self.__dict__, ensure_ascii=False, indent=1, default=str)


class _Walk:
    """One walk over a built warehouse."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> None:
        self.connection = connection
        self.nodes = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
        self.reached: dict[str, str] = {}
        self.steps: list[dict[str, Any]] = []

    def place(self, model: str) -> str:
        node = self.nodes[model]
        return f'built."{node["schema"]}"."{node["alias"]}"'

    def columns(self, model: str) -> list[str]:
        node = self.nodes[model]
        return [
            row[0]
            for row in self.connection.execute(
                "select column_name from duckdb_columns() where database_name = 'built' and schema_name = ? "
                "and table_name = ? order by column_index",
                [node["schema"], node["alias"]],
            ).fetchall()
        ]

    def parents(self, model: str) -> list[str]:
        """Return the models that a model reads and that are on the way to facts."""
        names = [name.rsplit(".", 1)[-1] for name in self.nodes[model]["depends_on"]["nodes"]]
        return [
            name
            for name in names
            if name in self.nodes and (self.nodes[name]["schema"] in LAYERS or name in FACTS) and name not in DIVIDED
        ]

    def follow(self, child: str, parent: str) -> None:
        """Gather the parent's rows that share the child's keys; rows of several ways are gathered together."""
        own, of_parent = set(self.columns(child)), set(self.columns(parent))
        pairs = [
            (key, RENAMED.get((parent, key), key))
            for key in KEYS
            if key in own and RENAMED.get((parent, key), key) in of_parent
        ]
        if not pairs:
            return
        condition = CONDITIONS_OF.get((child, parent)) or CONDITIONS.get(parent) or "true"
        on = " and ".join(f'p."{there}" is not distinct from c."{here}"' for here, there in pairs)
        columns = ", ".join(f'"{here}"' for here, _ in pairs)
        source = self.reached[child]
        target = f"reached_{len(self.steps)}"
        earlier = f"union select * from {self.reached[parent]}" if parent in self.reached else ""
        self.connection.execute(
            f"create temp table {target} as select * from {self.place(parent)} as p where {condition} and exists ("
            f"select 1 from (select distinct {columns} from {source}) as c where {on}) {earlier}"
        )
        self.reached[parent] = target
        self.steps.append({"table": self._name(parent), "from": self._name(child), "by": [here for here, _ in pairs]})

    def _name(self, model: str) -> str:
        return f"{self.nodes[model]['schema']}.{self.nodes[model]['alias']}"

    def walk(self, model: str) -> None:
        """Follow from the target to the facts, nearest first, each way once."""
        waiting, done = [model], set()
        while waiting:
            child = waiting.pop(0)
            if child in FACTS:
                continue
            for parent in self.parents(child):
                if (child, parent) not in done:
                    done.add((child, parent))
                    self.follow(child, parent)
                    if parent in self.reached:
                        waiting.append(parent)

    def rows_of(self, fact: str) -> str:
        """Make a table of the submissions' rows behind the fact's rows; return its name."""
        rule = FACTS[fact]
        target = f"rows_{fact}"
        self.connection.execute(
            f"create temp table {target} as select distinct '{rule.dataset}' as dataset, r.submission_id, r.sheet, "
            f"r.row_number from {self.reached[fact]} as f "
            f"inner join built.storage.dim_school as s on {rule.school} "
            f"inner join built.storage.unit_current as u on u.dataset = '{rule.dataset}' "
            f"and u.unit_owner = s.school_code and u.period = f.{rule.period} and not u.is_held "
            f"inner join built.collection.{rule.dataset} as r on r.submission_id = u.submission_id "
            f"and r.school_code = u.source_owner and r.period = u.period and {rule.match} "
            f"qualify row_number() over (partition by f.school_id, f.{rule.period}, r.row_key "
            "order by u.delivery_rank, r.sheet desc, r.row_number desc) = 1"
        )
        return target

    def count(self, table: str) -> int:
        row = self.connection.execute(f"select count(*) from {table}").fetchone()
        return int(row[0]) if row else 0


def _open(home: Home) -> tuple[duckdb.DuckDBPyConnection, dict[str, Any]]:
    path = home.logs / "dbt" / "target" / "manifest.json"
    if not home.warehouse.exists() or not path.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
    connection = duckdb.connect()
    try:
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
    except duckdb.IOException:
        raise WarehouseError("the warehouse is being built. Wait for its end and try again.") from None
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection, json.loads(path.read_text(encoding="utf-8"))


def _dicts(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def trace(home: Home, table: str, where: str = "true", limit: int = 50) -> Trace:
    """Return the way of the figures of `table` (schema.table) that `where` chooses, back to rows of submissions.

    Args:
        home: the installation, built.
        table: a table of analysis, query or visualization.
        where: condition in SQL over its columns.
        limit: how many figures and rows are listed; counts are of all.

    Raises:
        TraceError: no such table, the condition is wrong, or it chooses nothing.
        WarehouseError: nothing was built.
    """
    connection, manifest = _open(home)
    with connection:
        walk = _Walk(connection, manifest)
        names = {f"{node['schema']}.{node['alias']}": name for name, node in walk.nodes.items()}
        model = names.get(table)
        if model is None or walk.nodes[model]["schema"] not in LAYERS:
            known = ", ".join(sorted(name for name in names if name.split(".")[0] in LAYERS))
            raise TraceError(f"table {table} cannot be traced. Tables: {known}.")
        choice = f"create temp table target as select * from {walk.place(model)} where {where}"
        try:
            if len(connection.extract_statements(choice)) != 1:
                raise TraceError("--where is one condition, without a semicolon.")
            connection.execute(choice)
        except duckdb.Error as error:
            raise TraceError(f"--where cannot be read ({type(error).__name__}): {str(error).splitlines()[0]}") from None
        walk.reached[model] = "target"
        figures = _dicts(connection.execute(f"select * from target order by all limit {limit}"))
        if not figures:
            raise TraceError(f"--where chooses no row of {table}.")
        walk.walk(model)
        result = Trace(table, where, figures)
        result.steps = [{**step, "rows": walk.count(walk.reached[names[step["table"]]])} for step in walk.steps]
        found = []
        for fact in FACTS:
            if fact in walk.reached:
                rows = walk.rows_of(fact)
                found.append(rows)
                result.facts.append(
                    {
                        "table": f"storage.{fact}",
                        "rows": walk.count(walk.reached[fact]),
                        "dataset": FACTS[fact].dataset,
                        "rows_of_submissions": walk.count(rows),
                    }
                )
        if found:
            every = " union all ".join(f"select * from {rows}" for rows in found)
            result.rows_total = walk.count(f"({every})")
            result.rows = _dicts(connection.execute(f"select * from ({every}) order by all limit {limit}"))
            result.submissions = _dicts(
                connection.execute(
                    "select s.submission_id, s.dataset, s.submitter_org, s.period, s.received_at, s.source_ref, "
                    f"count(*) as rows from ({every}) as r inner join built.collection.submission as s "
                    "on s.submission_id = r.submission_id group by all order by s.dataset, s.submission_id"
                )
            )
        return result
