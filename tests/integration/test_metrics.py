"""Every metric of the registry by every route: expression on the view, cube, public table, indicator, and the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import yaml
from tests_city import City

from edu.settings import PROJECT_ROOT

REGISTRY: list[dict[str, Any]] = yaml.safe_load(
    (PROJECT_ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8")
)["vars"]["metrics"]
METRICS = {entry["metric"]: entry for entry in REGISTRY}
TRUTH = {
    "pupils": ("enrolment", "sum(pupils)", "null"),
    "boarders": ("enrolment", "sum(pupils_boarding)", "null"),
    "boarding_share": ("enrolment", "sum(pupils_boarding)", "sum(pupils)"),
    "classes": ("class_size", "count(*)", "null"),
    "class_size": ("class_size", "sum(pupils)", "count(*)"),
    "large_class_share": ("class_size", "count(*) filter (where pupils >= 56)", "count(*)"),
    "oversize_class_share": ("class_size", "count(*) filter (where pupils >= 66)", "count(*)"),
    "full_time_teachers": ("staffing", "sum(full_time_teachers)", "null"),
    "pupil_teacher_ratio": ("staffing", "sum(pupils)", "sum(full_time_teachers)"),
    "higher_qualified_share": ("staffing", "sum(higher_qualified_teachers)", "sum(full_time_teachers)"),
    "backbone_share": ("staffing", "sum(backbone_teachers)", "sum(full_time_teachers)"),
}
"""By the second method's marts of `truth/world`; the share of women is compared with the true facts of staff."""
Cells = dict[tuple[str, str, str], tuple[Any, Any]]


@pytest.fixture(scope="module")
def built(clean_city: City) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        yield connection


def cells(connection: duckdb.DuckDBPyConnection, sql: str) -> Cells:
    """Return numerator and denominator by school year, division and stage."""
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in connection.execute(sql).fetchall()}


def expression(entry: dict[str, Any]) -> str:
    """Return the two sums of a metric, as the registry says them."""
    below = f"sum({entry['denominator']})" if entry.get("denominator") else "null"
    return f"sum({entry['numerator']})::bigint, {below}::bigint"


def relation(entry: dict[str, Any]) -> str:
    """Return the table and the rows of it that count."""
    return f"query.{entry['relation'].removeprefix('qry_')} where term = 1 and ({entry.get('filter') or 'true'})"


def cube(connection: duckdb.DuckDBPyConnection, metric: str) -> Cells:
    return cells(
        connection,
        f"select school_year, division_code, stage, numerator, denominator from query.metric where metric = '{metric}'",
    )


def test_the_registry_is_whole() -> None:
    assert len(METRICS) == len(REGISTRY)
    assert set(TRUTH) | {"female_teacher_share"} == set(METRICS)
    for entry in REGISTRY:
        assert {"metric", "name", "unit", "relation", "numerator", "counts", "dimensions"} <= set(entry)
        assert entry["counts"] in ("persons", "classes")


@pytest.mark.parametrize("metric", METRICS)
def test_the_cube_is_the_expression_on_the_view(built: duckdb.DuckDBPyConnection, metric: str) -> None:
    entry = METRICS[metric]
    view = cells(
        built,
        f"select school_year, division_code, stage, {expression(entry)} from {relation(entry)} group by 1, 2, 3",
    )
    assert view
    assert cube(built, metric) == view


@pytest.mark.parametrize("metric", METRICS)
def test_every_allowed_cut_adds_up_to_the_whole(built: duckdb.DuckDBPyConnection, metric: str) -> None:
    entry = METRICS[metric]
    whole = built.execute(f"select {expression(entry)} from {relation(entry)}").fetchone()
    for dimension in entry["dimensions"]:
        parts = built.execute(
            f"select sum(n), sum(d) from (select {expression(entry)} from {relation(entry)} "
            f"group by {dimension}) as cut(n, d)"
        ).fetchone()
        assert parts == whole, dimension


@pytest.mark.parametrize("metric", TRUTH)
def test_the_cube_is_true(built: duckdb.DuckDBPyConnection, clean_city: City, metric: str) -> None:
    table, above, below = TRUTH[metric]
    file = clean_city.out / "truth" / "world" / f"analysis.{table}.csv"
    true = cells(
        built,
        f"select school_year, division_code, stage, ({above})::bigint, ({below})::bigint from read_csv('{file}', "
        "types = {'division_code': 'VARCHAR'}) where term = 1 "
        "group by 1, 2, 3",
    )
    assert cube(built, metric) == true


def test_the_share_of_women_is_true(built: duckdb.DuckDBPyConnection, clean_city: City) -> None:
    file = clean_city.out / "truth" / "facts" / "staff.parquet"
    stages = "select teach_stage_code, stage from seed.teach_stage"
    women = built.execute(
        f"select t.period, count(*) filter (where t.sex_code = '2') from '{file}' as t "
        f"left join ({stages}) as s on s.teach_stage_code = t.teach_stage_code "
        "left join storage.dim_school as d on d.school_code = t.school_code and d.period = t.period "
        "where t.staff_category_code = '11' and t.staff_status_code = '11' and t.period like '%/1' "
        "and coalesce(s.stage, d.only_stage) is not null group by 1 order by 1"
    ).fetchall()
    counted = built.execute(
        "select school_year || '/1', sum(numerator)::bigint from query.metric where metric = 'female_teacher_share' "
        "group by 1 order by 1"
    ).fetchall()
    assert counted == women


@pytest.mark.parametrize("metric", [name for name, entry in METRICS.items() if entry.get("indicator")])
def test_the_indicator_says_the_same(built: duckdb.DuckDBPyConnection, metric: str) -> None:
    figures = built.execute(
        "select period, division_code, stage, value from query.indicator "
        "where indicator_code = ? and area_level = 'county' and breakdown = 'all' and value is not null",
        [METRICS[metric]["indicator"]],
    ).fetchall()
    multiplier = METRICS[metric].get("multiplier", 1)
    known = cube(built, metric)
    compared = 0
    for period, division, stage, value in figures:
        if (period, division, stage) in known:
            above, below = known[period, division, stage]
            assert abs(float(value) - multiplier * above / (below or 1)) < 0.0001, (period, division, stage)
            compared += 1
    assert compared == len([key for key in known if known[key][0] is not None])


def test_public_tables_say_the_same(built: duckdb.DuckDBPyConnection) -> None:
    public = {row[0] for row in built.execute("select distinct metric from visualization.metric_county").fetchall()}
    assert public == {name for name, entry in METRICS.items() if entry["counts"] != "persons"}
    for metric in public:
        shown = cells(
            built,
            "select school_year, division_code, stage, numerator, denominator "
            f"from visualization.metric_county where metric = '{metric}'",
        )
        assert shown == cube(built, metric)
    pupils = cells(
        built,
        "select school_year, division_code, stage, pupils, null from visualization.pupils_by_stage_county where term = 1",
    )
    assert pupils == cube(built, "pupils")
    bands = cells(
        built,
        "select school_year, division_code, stage, sum(large_classes)::bigint, sum(classes)::bigint "
        "from visualization.class_size_by_county where term = 1 group by 1, 2, 3",
    )
    assert bands == cube(built, "large_class_share")
