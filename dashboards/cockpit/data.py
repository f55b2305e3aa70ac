"""What the page shows, read from the published tables."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

STATUS_LABELS = {"provisional": "初步，尚未经学校和县(市、区)确认", "missing": "缺失"}
HEADLINE_LINKS = {
    "pupils": "scale.pupils",
    "large_class_pct": "scale.large_class_share",
    "balanced_counties": "balanced-cv",
}
"""Anchors of definitions where they are not `headline-<metric>`."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    label: str
    text: str
    unit: str
    note: str
    link: str
    """Anchor of its definition."""


@dataclass(frozen=True)
class CockpitData:
    """Rows of the page, all of the newest school year's first term."""

    school_year: str
    snapshot_label: str
    status_label: str
    headline: list[Card]
    pupils: list[Row]
    class_size: list[Row]
    tiles: list[Row]
    cv: list[Row]
    coverage: list[Row]


def read_rows(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[Row]:
    """Return the rows of a query as mappings of column to value."""
    cursor = connection.execute(sql, list(values))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _number(value: Decimal | None) -> str:
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"


def read_cockpit_data(connection: duckdb.DuckDBPyConnection) -> CockpitData:
    """Return the page's rows; empty where nothing of a kind is published."""
    newest = connection.execute(
        "select max(school_year), max(snapshot_date) filter (where term = 1) from visualization.pupils_by_stage_county "
        "where school_year = (select max(school_year) from visualization.pupils_by_stage_county where term = 1)"
    ).fetchone()
    year, snapshot = newest or (None, None)
    statuses = read_rows(
        connection, "select distinct data_status from visualization.balanced_cv where school_year = ?", year
    )
    labels = [STATUS_LABELS[row["data_status"]] for row in statuses if row["data_status"] in STATUS_LABELS]
    headline = read_rows(connection, "select * from visualization.headline order by sort_order")
    return CockpitData(
        school_year=year or "—",
        snapshot_label=f"{snapshot.year}年{snapshot.month}月{snapshot.day}日" if snapshot else "—",
        status_label=next(iter(sorted(labels)), "无数据"),
        headline=[
            Card(
                r["label_zh"],
                _number(r["value"]),
                r["unit"],
                r["note_zh"],
                HEADLINE_LINKS.get(r["metric"], f"headline-{r['metric']}"),
            )
            for r in headline
        ],
        pupils=read_rows(
            connection,
            "select * from visualization.pupils_by_stage_county where school_year = ? and term = 1 "
            "order by division_code, sort_order",
            year,
        ),
        class_size=read_rows(
            connection,
            "select stage, stage_name, sort_order, size_band_code, size_band_name, sum(classes)::bigint as classes, "
            "sum(large_classes)::bigint as large_classes, sum(oversize_classes)::bigint as oversize_classes "
            "from visualization.class_size_by_county where school_year = ? and term = 1 group by all "
            "order by sort_order, size_band_code",
            year,
        ),
        tiles=read_rows(
            connection,
            "select * from visualization.balanced_county_tile where school_year = ? order by stage desc, division_code",
            year,
        ),
        cv=read_rows(
            connection,
            "select * from visualization.balanced_cv where school_year = ? order by stage desc, division_code, indicator_no",
            year,
        ),
        coverage=read_rows(
            connection,
            "with newest as (select dataset, max(period) as period from visualization.submission_coverage "
            "where received > 0 group by dataset) "
            "select dataset, period, sum(expected)::bigint as expected, sum(received)::bigint as received, "
            "sum(missing)::bigint as missing, sum(rejected)::bigint as rejected, sum(held)::bigint as held "
            "from visualization.submission_coverage inner join newest using (dataset, period) group by all order by dataset",
        ),
    )
