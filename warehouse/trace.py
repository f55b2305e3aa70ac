"""Walks a published figure back: mart → the tables it is made of → facts → rows of submissions.

The way is dbt's own: the manifest says which model reads which. From a model to its parent rows are followed by the key
columns that both have; a fact's rows lead to the collection by the key of the row and the deliveries that count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from edu.contract import contracts
from edu.errors import EduError, ExitCode, WarehouseError
from edu.paths import Home
from warehouse import built

LAYERS = ("analysis", "query", "visualization")
KEYS = (
    "school_id",
    "period",
    "school_year",
    "fiscal_year",
    "term",
    "snapshot_date",
    "stage",
    "grade_code",
    "class_code",
    "division_code",
    "sex_code",
    "indicator_no",
    "indicator_code",
    "breakdown",
    "breakdown_value",
    "rule_code",
    "learner_group",
    "primary_entry_year",
    "subject_code",
    "assessment_kind_code",
    "item_code",
    "category_group",
    "size_band_code",
    "submitter_org",
    "course_id",
    "code_module",
    "code_presentation",
    "area_level",
    "area_id",
    "person_id",
    "row_key",
    "table_no",
)
"""Columns that mean the same wherever they stand, so that rows can be followed by them. Empty in the child means all."""
RENAMED = {
    ("fct_staff_snapshot", "stage"): "teach_stage",
    ("fct_plan_indicator", "plan_indicator_code"): "indicator_code",
}
CONDITIONS = {
    "fct_enrolment_snapshot": "is_enrolled",
    "fct_staff_snapshot": "is_full_time_teacher and is_in_service",
}
"""Which rows of a fact figures count; a model that counts others says so in `CONDITIONS_OF`."""
CONDITIONS_OF = {
    ("ana_class_size", "fct_enrolment_snapshot"): "is_enrolled and class_code is not null",
    ("ana_balanced_input", "fct_enrolment_snapshot"): "is_enrolled and term = 1",
    ("ana_balanced_input", "fct_staff_snapshot"): "is_full_time_teacher and is_in_service and term = 1",
    ("ana_learner_count", "fct_enrolment_snapshot"): "is_enrolled and term = 1",
    ("viz_headline", "ana_enrolment"): "term = 1",
    ("viz_headline", "ana_staffing"): "term = 1",
    ("viz_headline", "ana_class_size"): "term = 1",
    ("qry_student", "fct_enrolment_snapshot"): "true",
    ("qry_staff", "fct_staff_snapshot"): "true",
    ("ana_teacher_retirement", "fct_staff_snapshot"): "is_in_service",
}
DIVIDED = ("dim_dataset", "dim_division", "dim_stage", "dim_grade", "dim_code", "dim_township", "dim_school")
REFUSED = {
    "ana_place_forecast": "模型推算值，不由报送行相加得出；输入见 analysis.place_node、analysis.place_progression、"
    "analysis.place_supply 与 storage.fct_population",
    "ana_place_forecast_backtest": "模型推算值与实际值之差；输入见 analysis.place_node、analysis.place_progression",
    "ana_place_cohort": "模型推算值；输入见 analysis.place_node、analysis.place_progression",
    "ana_place_area": "模型推算值；输入见 analysis.place_cohort",
    "ana_early_warning_backtest": "预警规则的回测命中率；所依据的预警见 analysis.early_warning",
    "qry_place_forecast": "模型推算值，不由报送行相加得出；输入见 analysis.place_node、analysis.place_progression、"
    "analysis.place_supply 与 storage.fct_population",
    "qry_early_warning_backtest": "预警规则的回测命中率；所依据的预警见 query.early_warning",
    "qry_quality": "由回执与问题清单得出，不由报送行得出；明细见 management.scorecard_detail 与 collection.finding",
    "viz_quality_county": "由回执与问题清单得出，不由报送行得出；明细见 management.scorecard_detail",
    "viz_submission_coverage": "由回执得出，不由报送行得出；明细见 management.expected_submission",
    "qry_plan_opinion": "是意见的登记，没有由报送行得出的数字；记录见 runs/plan_opinion",
    "qry_official_comparison": "上报值已冻结，见 management.official_figure；现值请用 query.official_current 的同一 row_key 所属的表追溯",
    "qry_official_current": "是若干表的数字合在一起；请对 table_name 所指的 analysis 表追溯",
    "viz_indicator_definition": "是指标口径，没有数字",
}
"""Tables whose figures no rows add up to, and what they are made of instead."""


@dataclass(frozen=True)
class Fact:
    """How a fact's rows lead to the rows of a dataset."""

    dataset: str
    match: str = "r.row_key = f.row_key and r.period = f.period"
    """Condition between the fact's row `f` and the dataset's row `r`."""
    owner: str = "school_code"
    """Column of the dataset that owns the unit: the school, or who submitted."""


BY_SCHOOL_YEAR = "starts_with(r.period, f.school_year)"
OWN_FACTS = {
    "dim_class": Fact("class", "r.class_code = f.class_code and r.period = f.period"),
    "fct_base_table_figure": Fact(
        "base_table_figure",
        "r.table_no = f.table_no and r.row_code = f.row_code and r.column_code = f.column_code and " + BY_SCHOOL_YEAR,
    ),
    "fct_campus_facility": Fact(
        "campus_facility", "r.campus_no is not distinct from f.campus_no and " + BY_SCHOOL_YEAR
    ),
    "fct_learning_activity_daily": Fact(
        "learning_activity_daily",
        "r.period = f.period and r.code_module = f.code_module and r.code_presentation = f.code_presentation "
        "and r.site_id is not distinct from f.site_id and r.day_no = f.day_no "
        "and f.person_id = 'learner@system:' || r.learner_key",
        "submitter_org",
    ),
    "fct_learning_event": Fact("learning_event", "r.statement_id = f.statement_id", "submitter_org"),
}
"""Facts whose rows have no `row_key` of one dataset's row; all others follow from the manifest and their columns."""
PLACES = """
create temp table place as
with school as (
    select school_id, unnest([division_code, evaluated_division_code, managing_org, school_id]) as area
    from built.storage.dim_school
),
division as (select division_code, division_level = 'city' as is_city from built.storage.dim_division)
select area, school_id as within from school where area is not null
union select division_code, division_code from division
union select city.division_code, part.division_code from division as city cross join division as part where city.is_city
union select city.division_code, school.school_id from division as city cross join school where city.is_city
"""
"""What lies in an area: itself, the divisions of the city, the schools that lie in it, are judged with it or answer to it."""
STAGE_PARTS = """
create temp table stage_part as
select stage_group, stage from built.seed.stage_member where relation in ('same', 'special') and stage_group <> stage
union select 'all', stage from built.storage.dim_stage where stage <> 'all'
"""
"""Which stages a figure of several stages is made of."""
ADDITIVE = ("learning_activity_daily",)
"""Datasets of which every row counts: none replaces another."""


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
        self.known = self.facts()
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

    def facts(self) -> dict[str, Fact]:
        """Return how each fact leads to rows: by its own rule, else by `row_key` to the one dataset that it reads."""
        found = dict(OWN_FACTS)
        for name, node in self.nodes.items():
            if node["schema"] != "storage" or name in found or not name.startswith("fct_"):
                continue
            datasets = [
                parent.removeprefix("col_")
                for parent in self._parent_names(name)
                if parent.removeprefix("col_") in contracts()
            ]
            columns = set(self.columns(name))
            if len(datasets) == 1 and {"row_key", "period"} <= columns:
                found[name] = Fact(datasets[0], owner="school_code" if "school_id" in columns else "submitter_org")
        return found

    def _parent_names(self, model: str) -> list[str]:
        return [name.rsplit(".", 1)[-1] for name in self.nodes[model]["depends_on"]["nodes"]]

    def parents(self, model: str) -> list[str]:
        """Return the models that a model reads and that are on the way to facts."""
        return [
            name
            for name in self._parent_names(model)
            if name in self.nodes
            and (self.nodes[name]["schema"] in LAYERS or name in self.known or name.startswith("fct_"))
            and name not in DIVIDED
        ]

    def _same(self, source: str, child: str, parent: str) -> tuple[list[str], str, list[str]]:
        """Return the keys by which rows are followed, the child's side `c` as SQL, and the conditions with `p`."""
        own, theirs = set(self.columns(child)), set(self.columns(parent))
        keys: list[str] = []
        conditions: list[str] = []
        areas: list[str] = []

        def within(area: str, place: str) -> None:
            """Let rows follow that lie in the child's area: the area itself, a division of the city, a school in it."""
            keys.append(area)
            conditions.append(f"(c.{area} is null or {place} = c.within_{len(areas)})")
            areas.append(area)

        for key in KEYS:
            there = RENAMED.get((parent, key), key)
            empty = self._empty(source, key) if key in own and there in theirs else "all"
            if empty == "all" or (key == "area_id" and "area_level" in own and "area_level" not in theirs):
                continue
            if key == "division_code":
                within(key, "p.division_code")
                continue
            same = f'p."{there}" = c."{key}"'
            if key == "stage" and (wide := self._wide_stages(source, parent, there)):
                parts = f"select stage_group, stage from stage_part where stage_group in {wide}"
                same = f'({same} or (c.stage, p."{there}") in ({parts}))'
            if key == "period":
                # A term lies in its school year.
                same = f'({same} or starts_with(p."{there}", c."{key}" || \'/\'))'
            keys.append(key)
            conditions.append(f'(c."{key}" is null or {same})' if empty == "some" else same)
        places = [f"p.{name}" for name in ("school_id", "area_id", "division_code") if name in theirs]
        for area, has_place in (("area_id", "area_level" in own), ("division_code", True)):
            if places and area in own and has_place and not {area, "school_id"} & set(keys):
                within(area, f"coalesce({', '.join(places)})")
        if "school_year" in own and "period" in theirs and not {"school_year", "period"} & set(keys):
            keys.append("school_year")
            conditions.append("starts_with(p.period, c.school_year)")
        elif "period" in own and "school_year" in theirs and not {"school_year", "period"} & set(keys):
            keys.append("period")
            conditions.append("starts_with(c.period, p.school_year)")
        used = list(dict.fromkeys([*areas, *keys]))
        columns = [f'o."{name}"' for name in used] + [f"w{i}.within as within_{i}" for i in range(len(areas))]
        joins = "".join(f' left join place as w{i} on w{i}.area = o."{area}"' for i, area in enumerate(areas))
        return keys, f"(select distinct {', '.join(columns)} from {source} as o{joins})", conditions

    def _wide_stages(self, source: str, parent: str, column: str) -> str:
        """Return, as a list in SQL, which of the child's stages are several together that the parent has apart."""
        rows = self.connection.execute(
            f"select distinct o.stage from {source} as o semi join stage_part as s on s.stage_group = o.stage "
            f'where o.stage not in (select "{column}" from {self.place(parent)} where "{column}" is not null) order by 1'
        ).fetchall()
        names = ", ".join(f"'{stage}'" for (stage,) in rows)
        return f"({names})" if rows else ""

    def _empty(self, source: str, column: str) -> str:
        """Return whether none, some or all of a column's values are empty."""
        row = self.connection.execute(f'select count(*), count("{column}") from {source}').fetchone() or (0, 0)
        return "none" if row[0] == row[1] else "all" if row[1] == 0 else "some"

    def follow(self, child: str, parent: str) -> None:
        """Gather the parent's rows that share the child's keys; rows of several ways are gathered together."""
        keys, side, conditions = self._same(self.reached[child], child, parent)
        if not keys:
            return
        condition = CONDITIONS_OF.get((child, parent)) or CONDITIONS.get(parent) or "true"
        target = f"reached_{len(self.steps)}"
        earlier = f"union select * from {self.reached[parent]}" if parent in self.reached else ""
        self.connection.execute(
            f"create temp table {target} as select * from {self.place(parent)} as p where {condition} and exists ("
            f"select 1 from {side} as c where {' and '.join(conditions)}) {earlier}"
        )
        self.reached[parent] = target
        self.steps.append({"table": self._name(parent), "from": self._name(child), "by": keys})

    def _name(self, model: str) -> str:
        return f"{self.nodes[model]['schema']}.{self.nodes[model]['alias']}"

    def walk(self, model: str) -> None:
        """Follow from the target to the facts, nearest first, each way once."""
        waiting, done = [model], set()
        while waiting:
            child = waiting.pop(0)
            if child in self.known:
                continue
            for parent in self.parents(child):
                if (child, parent) not in done:
                    done.add((child, parent))
                    self.follow(child, parent)
                    if parent in self.reached and self.count(self.reached[parent]):
                        waiting.append(parent)

    def rows_of(self, fact: str) -> str:
        """Make a table of the submissions' rows behind the fact's rows; return its name."""
        rule = self.known[fact]
        target = f"rows_{fact}"
        school = (
            "inner join built.storage.map_school_code as s on s.school_id = f.school_id and s.school_code = u.unit_owner "
            if rule.owner == "school_code"
            else ""
        )
        owner = "" if rule.owner == "school_code" else "and f.submitter_org = u.unit_owner "
        newest = (
            "qualify row_number() over (partition by u.unit_owner, r.period, r.snapshot_date, case "
            "when u.source_owner <> u.unit_owner and starts_with(r.row_key, u.source_owner) "
            "then u.unit_owner || substr(r.row_key, length(u.source_owner) + 1) else r.row_key end "
            "order by u.delivery_rank, r.sheet desc, r.row_number desc) = 1"
        )
        self.connection.execute(
            f"create temp table {target} as select distinct dataset, submission_id, sheet, row_number from ("
            f"select '{rule.dataset}' as dataset, r.submission_id, r.sheet, r.row_number "
            f"from {self.reached[fact]} as f inner join built.collection.{rule.dataset} as r on {rule.match} "
            f"inner join built.storage.unit_current as u on u.dataset = '{rule.dataset}' "
            f"and u.submission_id = r.submission_id and u.source_owner = r.{rule.owner} and u.period = r.period "
            f"and not u.is_held {owner}{school}{'' if rule.dataset in ADDITIVE else newest})"
        )
        return target

    def count(self, table: str) -> int:
        row = self.connection.execute(f"select count(*) from {table}").fetchone()
        return int(row[0]) if row else 0


@contextmanager
def _opened(home: Home) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, Any]]]:
    path = home.logs / "dbt" / "target" / "manifest.json"
    if not path.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
    with built.reading(home), duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection, json.loads(path.read_text(encoding="utf-8"))


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
        WarehouseError, BusyError: nothing was built, or it is being built.
    """
    with _opened(home) as (connection, manifest):
        walk = _Walk(connection, manifest)
        names = {f"{node['schema']}.{node['alias']}": name for name, node in walk.nodes.items()}
        model = names.get(table)
        if model is None or walk.nodes[model]["schema"] not in LAYERS:
            known = ", ".join(sorted(name for name in names if name.split(".")[0] in LAYERS))
            raise TraceError(f"table {table} cannot be traced. Tables: {known}.")
        if model in REFUSED:
            raise TraceError(f"table {table}: {REFUSED[model]}.")
        choice = f"create temp table target as select * from {walk.place(model)} where {where}"
        try:
            if len(connection.extract_statements(choice)) != 1:
                raise TraceError("--where is one condition, without a semicolon.")
            connection.execute(choice)
        except duckdb.Error as error:
            raise TraceError(f"--where cannot be read ({type(error).__name__}): {str(error).splitlines()[0]}") from None
        connection.execute(PLACES)
        connection.execute(STAGE_PARTS)
        walk.reached[model] = "target"
        figures = _dicts(connection.execute(f"select * from target order by all limit {limit}"))
        if not figures:
            raise TraceError(f"--where chooses no row of {table}.")
        walk.walk(model)
        result = Trace(table, where, figures)
        result.steps = [{**step, "rows": walk.count(walk.reached[names[step["table"]]])} for step in walk.steps]
        found = []
        for fact in sorted(walk.known):
            if fact in walk.reached:
                rows = walk.rows_of(fact)
                found.append(rows)
                result.facts.append(
                    {
                        "table": f"storage.{fact}",
                        "rows": walk.count(walk.reached[fact]),
                        "dataset": walk.known[fact].dataset,
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
