"""The checklist of requirements: a line a measure, a column a county, no figure of persons, nothing without data."""

from __future__ import annotations

import re

import duckdb
import pytest

from dashboards.cockpit.requirements import requirements_body

COLUMNS = (
    "school_year, division_code, division_name, requirement_group, group_name, requirement_no, requirement_name, measure_no, "
    "stage_names, indicator_code, indicator_name, unit, standard_text, value, verdict, verdict_name, lacking_text, source"
)
OLD = (
    "2023-2024",
    "421002",
    "沙市区",
    "quality",
    "教育质量",
    1,
    "旧要求",
    1,
    None,
    "q.old",
    "旧指标",
    "%",
    "旧",
    1,
    "met",
    "达标",
    None,
    "s",
)
ROWS = (
    (
        "421002",
        "沙市区",
        "assurance",
        "政府保障程度",
        3,
        "专用教室",
        1,
        "小学、初中",
        "b.rooms",
        "教室达标",
        "%",
        "全部",
        90.0,
        "not_met",
        "未达标",
        None,
    ),
    (
        "421003",
        "荆州区",
        "assurance",
        "政府保障程度",
        3,
        "专用教室",
        1,
        "小学、初中",
        "b.rooms",
        "教室达标",
        "%",
        "全部",
        100.0,
        "met",
        "达标",
        None,
    ),
    (
        "421002",
        "沙市区",
        "assurance",
        "政府保障程度",
        1,
        "规划<布局>",
        1,
        None,
        "b.plan",
        "规划",
        "是否",
        "合理",
        None,
        "not_collected",
        "没有数据",
        "规划文件没有收集",
    ),
    (
        "421002",
        "沙市区",
        "assurance",
        "政府保障程度",
        12,
        "持证",
        1,
        None,
        "t.cert",
        "持证率",
        "%",
        "100%",
        None,
        None,
        None,
        None,
    ),
)


@pytest.fixture
def page() -> str:
    with duckdb.connect() as connection:
        connection.execute("create schema visualization")
        names = [name.strip() for name in COLUMNS.split(",")]
        typed = ", ".join(
            f"{name} {'integer' if name.endswith('_no') else 'decimal(18, 4)' if name == 'value' else 'varchar'}"
            for name in names
        )
        connection.execute(f"create table visualization.balanced_requirement ({typed})")
        marks = ", ".join("?" for _ in names)
        rows = [OLD, *(("2024-2025", *row, "教督〔2017〕6号") for row in ROWS)]
        connection.executemany(f"insert into visualization.balanced_requirement values ({marks})", rows)
        return requirements_body(connection)


def lines(page: str) -> dict[str, list[str]]:
    found = re.findall(r"<tr><td>(\d+)</td><th.*?</th><td>.*?</td>(.*?)</tr>", page, re.DOTALL)
    return {number: re.findall(r"<td[^>]*>(.*?)</td>", cells) for number, cells in found}


def test_each_county_has_its_verdict_and_a_share_of_persons_has_none(page: str) -> None:
    assert list(lines(page)) == ["1", "3", "12"]
    assert lines(page)["3"] == ["未达标<br>90.0%", "达标<br>100.0%"]
    assert lines(page)["1"] == ["没有数据", "—"]
    assert lines(page)["12"] == ["不公开", "—"]


def test_what_is_lacking_is_said_and_only_the_newest_year_is_shown(page: str) -> None:
    assert "规划文件没有收集" in page
    assert "规划&lt;布局&gt;" in page
    assert "旧要求" not in page
    assert "2024-2025 学年" in page


def test_nothing_published_is_no_page() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema visualization")
        connection.execute(
            "create table visualization.balanced_requirement (school_year varchar, requirement_group varchar, requirement_no integer, "
            "measure_no integer, indicator_code varchar, division_code varchar)"
        )
        assert requirements_body(connection) == ""


def test_a_measure_says_its_stages_and_leads_to_its_definition(page: str) -> None:
    assert '<a href="indicators.html#b.rooms">教室达标（小学、初中）</a>' in page
    assert '<a href="indicators.html#t.cert">持证率</a>' in page
