"""Writes Superset's bundles of YAML: one connection, its datasets with Chinese labels, charts and dashboards.

What a role may read is taken from the catalog that the server shows to that role, so a chart of a column that the role
may not read is left out, and a board without charts too. Ids follow from role and name: a bundle that is imported again
changes what is there and adds nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dashboards.superset.board import Board, Chart, Measure, Metric

NAMESPACE = uuid.UUID("6f1f1c0e-6a0c-5b52-9d0e-4d7f7a1f2b10")
NEWEST = "is_newest"
YEARS = ("school_year", "fiscal_year")
"""Columns of which the greatest value is the newest year."""
FORMATS = {"%": ".1f", "比": ".1f"}
COUNT_FORMAT = ",d"
BOOLEAN = "boolean"
VERSION = "1.0.0"
GRID = 12
VIZ = {
    "number": "big_number_total",
    "bar": "echarts_timeseries_bar",
    "stacked": "echarts_timeseries_bar",
    "line": "echarts_timeseries_line",
    "pie": "pie",
    "table": "table",
    "cross": "pivot_table_v2",
}
"""Kinds of charts in Superset's words."""


@dataclass(frozen=True)
class Field:
    """One column as a role sees it."""

    name: str
    label: str
    type: str
    """PostgreSQL's type."""
    description: str


@dataclass(frozen=True)
class Source:
    """One table as a role sees it."""

    schema: str
    name: str
    label: str
    fields: tuple[Field, ...]

    @property
    def full_name(self) -> str:
        """Return schema and table."""
        return f"{self.schema}.{self.name}"

    @property
    def names(self) -> frozenset[str]:
        """Return the columns that the role may read."""
        return frozenset(known.name for known in self.fields)

    @property
    def year(self) -> str | None:
        """Return the column of the year, null where there is none."""
        return next((name for name in YEARS if name in self.names), None)

    @property
    def sql(self) -> str:
        """Return the query of the dataset: the columns, and whether a row is of the newest year that the role sees.

        Where there are terms, the newest year is the newest that has an autumn.
        """
        columns = ", ".join(f'"{known.name}"' for known in self.fields)
        if self.year:
            autumn = " filter (where term = 1)" if "term" in self.names else ""
            columns += f', "{self.year}" = max("{self.year}"){autumn} over () as {NEWEST}'
        return f'select {columns} from "{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Connection:
    """How one role connects, and what it may read."""

    role: str
    group: str
    """bureau, county, school or public."""
    title: str
    address: str
    """`host:port/database`; the password is libpq's business."""
    sources: tuple[Source, ...]


def in_words(name: str) -> str:
    """Return the name of the column that says a boolean in Chinese."""
    return f"{name}_zh"


def _id(connection: Connection, kind: str, name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{connection.role}/{kind}/{name}"))


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def _database(connection: Connection) -> dict[str, Any]:
    return {
        "database_name": connection.title,
        "sqlalchemy_uri": f"postgresql+psycopg2://{connection.role}@{connection.address}",
        "expose_in_sqllab": connection.group != "public",
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "schemas_allowed_for_csv_upload": []},
        "uuid": _id(connection, "database", ""),
        "version": VERSION,
    }


def _dataset(connection: Connection, source: Source, metrics: Sequence[Metric]) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {
            "column_name": known.name,
            "verbose_name": known.label,
            "description": known.description,
            "type": known.type.upper(),
            "is_dttm": False,
            "is_active": True,
            "groupby": True,
            "filterable": True,
            "expression": None,
            "extra": {},
        }
        for known in source.fields
    ]
    # A reader of a table is shown 是 and 否.
    columns += [
        {
            **columns[0],
            "column_name": in_words(known.name),
            "verbose_name": known.label,
            "description": known.description,
            "type": "TEXT",
            "expression": f"case when {known.name} then '是' when not {known.name} then '否' end",
        }
        for known in source.fields
        if known.type == BOOLEAN
    ]
    if source.year:
        columns.append(
            {
                **columns[0],
                "column_name": NEWEST,
                "verbose_name": "是否最新年度",
                "description": "Whether the row is of the newest year.",
                "type": "BOOLEAN",
            }
        )
    return {
        # Superset wants names that no other connection uses.
        "table_name": f"{source.label} · {connection.role}",
        "schema": source.schema,
        "sql": source.sql,
        "description": f"{source.full_name}: {source.label}",
        "params": None,
        "filter_select_enabled": True,
        "metrics": [
            {
                "metric_name": metric.code,
                "verbose_name": metric.name,
                "expression": metric.expression,
                "d3format": FORMATS.get(metric.unit, COUNT_FORMAT),
                "description": f"{metric.name}({metric.unit}),取自指标登记表",
                "extra": {},
            }
            for metric in metrics
        ],
        "columns": columns,
        "uuid": _id(connection, "dataset", source.full_name),
        "version": VERSION,
        "database_uuid": _id(connection, "database", ""),
    }


def _measure(measure: Measure, source: Source) -> str | dict[str, Any]:
    """Return a measure as Superset asks for it; a sum of which a part is hidden or missing is not shown."""
    if measure.metric:
        return measure.metric
    label = {known.name: known.label for known in source.fields}
    if measure.sum:
        expression = f"case when count(*) = count({measure.sum}) then sum({measure.sum}) end"
    elif measure.max:
        expression = f"max({measure.max})"
    elif measure.count:
        expression = f"count(distinct {measure.count})"
    else:
        part, whole = measure.share or ("", "")
        expression = f"case when count(*) = count({part}) then 100.0 * sum({part}) / nullif(sum({whole}), 0) end"
    return {
        "expressionType": "SQL",
        "sqlExpression": expression,
        "label": measure.label or label[measure.sum or measure.max or ""],
        "hasCustomLabel": True,
        "optionName": f"metric_{measure.columns[0]}",
    }


def _filters(chart: Chart, source: Source) -> list[dict[str, Any]]:
    """Return the rows that count: the newest year where it is wanted, the autumn where there are terms."""
    found: list[dict[str, Any]] = []
    if chart.is_newest:
        found.append({"col": NEWEST, "op": "IS TRUE", "val": None})
    wanted = ({"term": 1} if "term" in source.names else {}) | chart.where
    for name, value in wanted.items():
        if isinstance(value, bool):
            found.append({"col": name, "op": "IS TRUE" if value else "IS FALSE", "val": None})
        elif isinstance(value, list):
            found.append({"col": name, "op": "IN", "val": value})
        else:
            found.append({"col": name, "op": "==", "val": value})
    return found


def _adhoc(number: int, known: dict[str, Any]) -> dict[str, Any]:
    """Return a filter in the form that the page's controls have."""
    names = {"IS TRUE": "IS_TRUE", "IS FALSE": "IS_FALSE", "IN": "IN", "==": "EQUALS"}
    return {
        "expressionType": "SIMPLE",
        "clause": "WHERE",
        "subject": known["col"],
        "operator": known["op"],
        "operatorId": names[known["op"]],
        "comparator": known["val"],
        "filterOptionName": f"filter_{number}",
    }


def _chart(connection: Connection, board: Board, chart: Chart, source: Source) -> dict[str, Any]:
    measures = [_measure(measure, source) for measure in chart.measures]
    filters = _filters(chart, source)
    is_raw = chart.kind == "table" and not measures
    booleans = {known.name for known in source.fields if known.type == BOOLEAN} if is_raw else set()
    columns = [in_words(name) if name in booleans else name for name in (*chart.by, *chart.series)]
    labels = {m["label"] if isinstance(m, dict) else m: m for m in measures}
    order = [(labels.get(n.removeprefix("-"), n.removeprefix("-")), not n.startswith("-")) for n in chart.order]
    form: dict[str, Any] = {
        "viz_type": VIZ[chart.kind],
        "adhoc_filters": [_adhoc(number, known) for number, known in enumerate(filters)],
        "row_limit": chart.limit,
        "color_scheme": "supersetColors",
        "time_range": "No filter",
    }
    if chart.kind == "number":
        form |= {"metric": measures[0], "y_axis_format": ",.3~f", "header_font_size": 0.4, "subheader_font_size": 0.15}
    elif chart.kind in ("bar", "stacked", "line"):
        form |= {
            "x_axis": chart.by[0],
            "groupby": chart.series,
            "metrics": measures,
            "xAxisForceCategorical": True,
            "x_axis_sort": chart.by[0],
            "x_axis_sort_asc": True,
            "stack": "Stack" if chart.kind == "stacked" else None,
            "show_legend": bool(chart.series) or len(measures) > 1,
            "legendType": "scroll",
            "legendOrientation": "top",
            "rich_tooltip": True,
            "tooltipTimeFormat": "smart_date",
            "y_axis_format": ",.3~f",
            "xAxisLabelInterval": "0",
            "xAxisLabelRotation": 0 if chart.width == GRID else 30,
            "markerEnabled": chart.kind == "line",
            "truncateYAxis": False,
            "show_value": chart.kind == "bar" and not chart.series,
            "only_total": True,
        }
    elif chart.kind == "pie":
        form |= {"groupby": chart.by, "metric": measures[0], "label_type": "key_percent", "show_legend": False}
        form |= {"number_format": ",", "sort_by_metric": True}
    elif chart.kind == "cross":
        form |= {
            "groupbyRows": chart.by,
            "groupbyColumns": chart.series,
            "metrics": measures,
            "aggregateFunction": "Sum",
            "metricsLayout": "COLUMNS",
            "valueFormat": ",.3~f",
            "rowTotals": False,
            "colTotals": False,
        }
    elif is_raw:
        form |= {"query_mode": "raw", "all_columns": columns, "order_by_cols": [json.dumps(list(o)) for o in order]}
        form |= {"server_page_length": 10, "page_length": 20, "show_cell_bars": False}
    else:
        form |= {"query_mode": "aggregate", "groupby": columns, "metrics": measures, "page_length": 20}
    query = {
        "columns": columns,
        "metrics": [] if is_raw else measures,
        "filters": filters,
        "orderby": [list(known) for known in order],
        "extras": {"having": "", "where": ""},
        "row_limit": chart.limit,
        "annotation_layers": [],
    }
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query | ({"metrics": None} if is_raw else {})],
        "form_data": form,
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": chart.name,
        "viz_type": VIZ[chart.kind],
        "params": form,
        "query_context": json.dumps(context, ensure_ascii=False),
        "uuid": _id(connection, "chart", f"{board.slug}/{chart.name}"),
        "version": VERSION,
        "dataset_uuid": _id(connection, "dataset", source.full_name),
    }


def _position(connection: Connection, board: Board, charts: Sequence[Chart]) -> dict[str, Any]:
    """Return the layout: charts in their order, a new row where one is full."""
    found: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": board.title}},
    }
    row, used = "", GRID
    for number, chart in enumerate(charts):
        if used + chart.width > GRID:
            row, used = f"ROW-{number}", 0
            found[row] = {
                "type": "ROW",
                "id": row,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }
            found["GRID_ID"]["children"].append(row)
        used += chart.width
        key = f"CHART-{number}"
        found[row]["children"].append(key)
        found[key] = {
            "type": "CHART",
            "id": key,
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID", row],
            "meta": {
                "width": chart.width,
                "height": chart.height,
                "sliceName": chart.name,
                "uuid": _id(connection, "chart", f"{board.slug}/{chart.name}"),
                "chartId": number + 1,
            },
        }
    return found


def _native_filter(connection: Connection, name: str, source: Source) -> dict[str, Any]:
    label = next(known.label for known in source.fields if known.name == name)
    return {
        "id": f"NATIVE_FILTER-{name}",
        "name": label,
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [{"column": {"name": name}, "datasetUuid": _id(connection, "dataset", source.full_name)}],
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "searchAllOptions": False},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "description": "",
    }


def _is_readable(chart: Chart, sources: dict[str, Source], metrics: dict[str, Metric]) -> bool:
    """Whether a role may read all that a chart needs; a metric needs its whole table."""
    source = sources.get(chart.table)
    if source is None or (chart.is_newest and source.year is None):
        return False
    needed = {*chart.by, *chart.series, *chart.where, *(name for m in chart.measures for name in m.columns)}
    return needed <= source.names and all(
        metrics[m.metric].table == chart.table for m in chart.measures if m.metric is not None
    )


def write_bundle(connection: Connection, boards: Sequence[Board], registry: Sequence[Metric]) -> dict[str, str]:
    """Return the files of a role's bundle: path below its root, and text."""
    sources = {source.full_name: source for source in connection.sources}
    metrics = {metric.code: metric for metric in registry}
    files = {
        "metadata.yaml": _yaml({"version": VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"}),
        "databases/database.yaml": _yaml(_database(connection)),
    }
    for source in sources.values():
        of_source = [metric for metric in registry if metric.table == source.full_name]
        files[f"datasets/{source.full_name}.yaml"] = _yaml(_dataset(connection, source, of_source))
    for board in boards:
        if connection.group not in board.groups:
            continue
        own = [chart for chart in board.charts if connection.group in (chart.groups or board.groups)]
        charts = [chart for chart in own if _is_readable(chart, sources, metrics)]
        if not charts:
            continue
        for number, chart in enumerate(charts):
            written = _chart(connection, board, chart, sources[chart.table])
            files[f"charts/{board.slug}_{number}.yaml"] = _yaml(written)
        cuts = [
            (name, next((sources[chart.table] for chart in charts if name in sources[chart.table].names), None))
            for name in board.filters
        ]
        files[f"dashboards/{board.slug}.yaml"] = _yaml(
            {
                "dashboard_title": board.title,
                "slug": f"{board.slug}-{connection.role}".replace("_", "-"),
                "css": "",
                "published": True,
                "position": _position(connection, board, charts),
                "metadata": {
                    "native_filter_configuration": [
                        _native_filter(connection, name, source) for name, source in cuts if source is not None
                    ],
                    "cross_filters_enabled": True,
                    "refresh_frequency": 0,
                    "color_scheme": "supersetColors",
                },
                "uuid": _id(connection, "dashboard", board.slug),
                "version": VERSION,
            }
        )
    return files
