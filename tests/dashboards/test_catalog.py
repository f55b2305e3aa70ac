"""The catalogue names every table and field that is served, in Chinese, and its pages need no network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dashboards.catalog import read_content, write_pages
from dashboards.catalog.content import PUBLISHED, Content
from edu.codes import seed_rows
from edu.contract import contracts
from edu.paths import Home
from edu.table_names import column_meanings, table_purposes

CHINESE = re.compile(r"[一-鿿]")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    from warehouse.catalog import catalog_rows
    from warehouse.transform import _invoke

    home = Home(tmp_path_factory.mktemp("catalog")).ensure()
    (home.logs / "dbt").mkdir(parents=True)
    _invoke(home, home.warehouse, "all", ["parse"], None)
    manifest = json.loads((home.logs / "dbt" / "target" / "manifest.json").read_text(encoding="utf-8"))
    return read_content(home, manifest, catalog_rows(manifest), seed_rows("code_set"))


@pytest.fixture(scope="module")
def pages(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pages")
    write_pages(content, out, home_link="../index.html")
    return out


def test_every_field_that_is_served_has_a_chinese_name_and_a_meaning(content: Content) -> None:
    served = [table for table in content.tables.values() if table.is_published]
    assert len(served) >= 9
    assert content.labels_missing == ()
    wrong = [
        f"{table.full_name}.{column.name}"
        for table in served
        for column in table.columns
        if not CHINESE.search(column.label) or not column.description
    ]
    assert wrong == []


STATES = ("_status", "_state", "verdict", "outlook", "light", "result", "direction", "breakdown")


def test_served_columns_of_states_and_of_yes_or_no_say_in_chinese_what_they_mean(content: Content) -> None:
    served = [(t, c) for t in content.tables.values() if t.schema in PUBLISHED for c in t.columns]
    silent = [
        f"{table.full_name}.{column.name}"
        for table, column in served
        if (column.data_type == "boolean" or column.name.endswith(STATES)) and not CHINESE.search(column.meaning)
    ]
    assert silent == []
    # A meaning of a column that is gone would mislead.
    known = {column.name for _, column in served} | {f"{table.full_name}.{column.name}" for table, column in served}
    assert set(column_meanings()) <= known


def test_a_table_page_says_what_a_column_means_before_the_english(pages: Path) -> None:
    row = re.search(r'<tr id="is_mixed_grade">.*?</tr>', (pages / "table.query.class.html").read_text(encoding="utf-8"))
    assert row
    assert 0 < row[0].index("几个年级合在一起") < row[0].index("Whether the class")


def test_every_table_that_is_served_has_a_chinese_name(content: Content) -> None:
    unnamed = [t.full_name for t in content.tables.values() if t.schema in PUBLISHED and not CHINESE.search(t.label)]
    assert unnamed == []


def test_every_table_that_is_served_says_in_chinese_what_a_row_is(content: Content) -> None:
    silent = [
        t.full_name for t in content.tables.values() if t.schema in PUBLISHED and not t.purpose.startswith("一行是")
    ]
    assert silent == []
    # A purpose of a table that is gone would mislead.
    assert set(table_purposes()) <= set(content.tables)


def test_a_table_page_says_it_in_chinese_first(pages: Path) -> None:
    text = (pages / "table.query.class.html").read_text(encoding="utf-8")
    assert 0 < text.index("一行是一个班一个学期") < text.index("英文说明")


def test_what_a_table_is_made_of_is_known(content: Content) -> None:
    enrolment = content.tables["analysis.enrolment"]
    assert {"student", "school"} <= set(enrolment.datasets)
    assert "storage.fct_enrolment_snapshot" in enrolment.parents
    assert "visualization.pupils_by_stage_county" in enrolment.children
    columns = {column.name: column for column in content.tables["storage.fct_enrolment_snapshot"].columns}
    assert (columns["sex_code"].item, columns["sex_code"].code_set) == ("JCTB0201.XBM", "XB")
    assert columns["person_id"].is_pseudonym


class Links(HTMLParser):
    """Gathers what a page points to, and the ids that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value and not value.startswith("data:"):
                self.links.append(value)
            if name == "id" and value:
                self.ids.add(value)


def test_pages_are_complete_and_point_to_nothing_that_is_not_there(content: Content, pages: Path) -> None:
    found: dict[str, Links] = {}
    for path in pages.glob("*.html"):
        found[path.name] = Links()
        found[path.name].feed(path.read_text(encoding="utf-8"))
    assert {table.page for table in content.tables.values()} <= set(found)
    assert {f"dataset.{name}.html" for name in contracts()} <= set(found)
    broken = []
    for name, page in found.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            other = found.get(target or name)
            if link == "../index.html":
                continue
            if other is None or (anchor and anchor not in other.ids):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_a_table_page_shows_its_lineage(pages: Path) -> None:
    text = (pages / "table.analysis.enrolment.html").read_text(encoding="utf-8")
    picture = text[text.index("<svg") : text.index("</svg>")]
    for name in ("storage.fct_enrolment_snapshot", "analysis.enrolment", "visualization.headline"):
        assert name in picture
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
