"""Suppression at publication: marked, counted, stable, over tables and versions; the true figures stay in the warehouse."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from edu.paths import Home
from warehouse.publish import publish, read_changelog
from warehouse.suppression.attack import attack
from warehouse.suppression.release import read_history

BASE = {
    ("a", "special"): 3,
    ("b", "special"): 40,
    ("c", "special"): 60,
    ("a", "primary"): 400,
    ("b", "primary"): 500,
    ("c", "primary"): 600,
}
STAGES = {
    **{"family": "pupils", "topic": "ordinary", "count": "pupils", "flag": "is_suppressed"},
    **{"by": ["school_year"], "dims": ["division", "stage"], "blank": ["share_pct"]},
}
TOTAL = {
    **{"family": "pupils", "topic": "ordinary", "count": "value", "where": "metric = 'pupils'"},
    **{"by": ["school_year"], "dims": [], "is_fixed": True},
}
HEALTH = {
    **{"family": "health", "topic": "health", "count": "obese", "of": "tested", "flag": "is_suppressed"},
    **{"dims": ["division"], "blank": ["obese_pct"]},
}
HEALTH_ROWS = [("a", 12, 100), ("b", 95, 100), ("c", 50, 100), ("d", 9, 300), ("e", 40, 200)]


def make(home: Home, cells: dict[tuple[str, str], int], unshown: int = 0) -> None:
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as c:
        for schema in ("visualization", "management", "seed"):
            c.execute(f"create schema {schema}")
        c.execute(
            "create table seed.suppression_threshold as select * from (values ('ordinary', 5, date '2022-01-01'), ('sensitive', 10, date '2022-01-01')) as v(topic, threshold, valid_from)"
        )
        c.execute(
            "create table visualization.stages(school_year text, division text, stage text, pupils bigint, share_pct decimal(8,2), is_suppressed boolean)"
        )
        for (division, stage), count in cells.items():
            c.execute(
                "insert into visualization.stages values ('2024-2025', ?, ?, ?, 1.5, false)", [division, stage, count]
            )
        c.execute("create table visualization.headline(school_year text, metric text, value decimal(18,2))")
        c.execute(
            "insert into visualization.headline values ('2024-2025', 'pupils', ?), ('2024-2025', 'schools', 3)",
            [sum(cells.values()) + unshown],
        )
        c.execute(
            "create table visualization.obesity(division text, obese bigint, tested bigint, obese_pct decimal(8,2), is_suppressed boolean)"
        )
        c.executemany(
            "insert into visualization.obesity values (?, ?, ?, 1, false)", [list(row) for row in HEALTH_ROWS]
        )
        c.execute("create table management.suppression_rule(schema_name text, table_name text, rule text)")
        for table, rule in (("stages", STAGES), ("headline", TOTAL), ("obesity", HEALTH)):
            c.execute(
                "insert into management.suppression_rule values ('visualization', ?, ?)", [table, json.dumps(rule)]
            )
        c.execute(
            "create table management.column_catalog as select schema_name, table_name, column_name, column_index as position, '' as label_zh, '' as description, 'L1' as level, 'ordinary' as privacy, false as is_volatile, false as is_pseudonym from duckdb_columns() where schema_name = 'visualization'"
        )


def served(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str((home.published / "current.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def shown(home: Home) -> dict[tuple[str, str], int | None]:
    rows = served(home, "select division, stage, pupils, share_pct, is_suppressed from visualization.stages")
    # What is hidden is marked, and its rate is empty with it; what is shown is not marked.
    assert all((pupils is None) == is_hidden == (pct is None) for _, _, pupils, pct, is_hidden in rows)
    return {(division, stage): pupils for division, stage, pupils, _, _ in rows}


def test_hidden_figures_are_marked_counted_and_stay_in_the_warehouse(edu_home: Home) -> None:
    make(edu_home, BASE)
    publish(edu_home)
    figures = shown(edu_home)
    assert figures[("a", "special")] is None
    assert list(figures.values()).count(None) == 2
    assert 0 not in figures.values()
    assert read_changelog(edu_home)[-1]["suppression"]["visualization.stages"] == {"figures": 6, "hidden": 2, "kept": 0}
    with duckdb.connect(str(edu_home.warehouse), read_only=True) as connection:
        assert connection.execute("select min(pupils) from visualization.stages").fetchone() == (3,)
    for releases in read_history(edu_home).values():
        threshold = 10 if any("obesity" in key[0] for key in releases[0].values) else 5
        assert attack(releases, threshold) == []
    assert (edu_home.root / "suppression").stat().st_mode & 0o777 == 0o700
    assert publish(edu_home).kind == "unchanged"


def test_a_rate_is_hidden_where_few_are_inside_or_outside(edu_home: Home) -> None:
    make(edu_home, BASE)
    publish(edu_home)
    rows = {row[0]: row[1:] for row in served(edu_home, "select * from visualization.obesity")}
    assert rows["b"][0] is None  # 5 of 100 are not obese
    assert rows["d"][0] is None  # 9 of 300 are
    assert rows["c"] == (50, 100, 1, False)
    assert rows["d"][2:] == (None, True)


def test_versions_tell_no_small_difference(edu_home: Home) -> None:
    make(edu_home, BASE)
    publish(edu_home)
    first = shown(edu_home)
    make(edu_home, BASE | {("b", "primary"): 502})
    assert publish(edu_home).kind == "unchanged"
    make(edu_home, BASE | {("b", "primary"): 502, ("c", "primary"): 640, ("b", "special"): 42})
    assert publish(edu_home).is_new
    second = shown(edu_home)
    assert {key for key in second if second[key] is None} == {key for key in first if first[key] is None}
    assert (second[("b", "primary")], second[("c", "primary")]) == (500, 640)
    assert served(edu_home, "select value from visualization.headline where metric = 'pupils'") == [(1643,)]
    assert read_changelog(edu_home)[-1]["suppression"]["visualization.stages"]["kept"] == 2
    assert attack(read_history(edu_home)['["pupils", [["school_year", "2024-2025"]]]'], 5) == []


def test_a_new_small_figure_waits_unseen(edu_home: Home) -> None:
    make(edu_home, {key: count for key, count in BASE.items() if key != ("a", "special")})
    publish(edu_home)
    assert None not in shown(edu_home).values()
    make(edu_home, BASE | {("c", "primary"): 700})
    publish(edu_home)
    figures = shown(edu_home)
    assert figures[("a", "special")] is None
    # The total does not tell the three that nobody sees.
    total = served(edu_home, "select value from visualization.headline where metric = 'pupils'")[0][0]
    assert total == sum(figure or 0 for figure in figures.values()) + (40 if figures[("b", "special")] is None else 0)


def test_a_total_may_hold_what_no_cell_shows(edu_home: Home) -> None:
    make(edu_home, BASE, unshown=11)
    publish(edu_home)
    assert served(edu_home, "select value from visualization.headline where metric = 'pupils'") == [(1614,)]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_order_of_rows_does_not_matter(edu_home: Home, order: str) -> None:
    items = sorted(BASE.items(), reverse=order == "desc")
    make(edu_home, dict(items))
    publish(edu_home)
    assert {key for key, count in shown(edu_home).items() if count is None} == {("a", "special"), ("b", "special")}
