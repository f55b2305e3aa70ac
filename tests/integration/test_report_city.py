"""The statistical tables of a whole city, in its workbooks, equal an independent count of the true facts."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import duckdb
import pytest
from indicator_truth import common, report
from openpyxl import load_workbook
from tests_city import City

from edu.codes import seed_rows
from edu.paths import Home
from warehouse.report.build import Report, fill_report

YEAR = "2025-2026"
SMALL = "421024"
CITY_ONLY = "教基3120年龄"
"""Ages in special education: too few in a school or county to be shown there."""
Cells = dict[tuple[str, str, str], float]


def _published(city: City, folder: Path) -> Home:
    """A published file with the tables that a report reads, as the warehouse has them."""
    home = Home(folder / "edu_home").ensure()
    with duckdb.connect(str(home.published / "edu_1.0.0.duckdb")) as connection:
        connection.execute(f"attach '{city.home.warehouse}' as built (read_only); create schema query")
        for table in ("report_figure", "report_city_figure", "enrolment"):
            connection.execute(f"create table query.{table} as select * from built.query.{table}")
    (home.published / "current.duckdb").symlink_to("edu_1.0.0.duckdb")
    return home


@pytest.fixture(scope="module")
def filled(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("report")
    return folder / "out", fill_report(_published(clean_city, folder), YEAR, folder / "out")


@pytest.fixture(scope="module")
def counted(clean_city: City) -> dict[tuple[str, str], Cells]:
    """Cells of every school and division and of the city, by (level, code)."""
    truth = common.open_facts(clean_city.out / "truth" / "facts")
    names = {
        "grade": {row["grade_code"]: row["grade_name"] for row in seed_rows("grade")},
        **{
            code_set: {row["code"]: row["name"] for row in seed_rows("code_set") if row["code_set"] == code_set}
            for code_set in ("XL", "TITLE", "BXLX")
        },
    }
    found: dict[tuple[str, str], Cells] = defaultdict(lambda: defaultdict(float))
    for school, division, sheet, line, column, value in truth.execute(report.cells(YEAR)).fetchall():
        line = names["BXLX" if sheet == "教基1001" else "grade"].get(line, line)
        column = (
            names[{"专任教师学历": "XL", "专任教师职称": "TITLE"}[sheet]][column]
            if "职称" in sheet or "学历" in sheet
            else column
        )
        for area in (("学校", school), ("县区", division), ("全市", common.CITY)):
            if sheet != CITY_ONLY or area[0] == "全市":
                found[area][sheet, line, column] += float(value)
    return found


def _read(path: Path) -> Cells:
    book = load_workbook(path, read_only=True)
    found: Cells = {}
    for name in book.sheetnames:
        if name not in ("说明", "校验", "基表差异"):
            header, *lines = list(book[name].iter_rows(values_only=True))
            found |= {
                (name, str(line[0]), str(column)): float(value)
                for line in lines
                for column, value in zip(header[1:], line[1:], strict=False)
                if value is not None
            }
    return found


def _some(cells: Cells) -> Cells:
    """Cells that are not zero: nobody of a kind may be a zero or an empty cell."""
    return {key: round(value, 2) for key, value in cells.items() if value}


def test_every_table_of_the_city_and_its_counties_equals_the_count(
    filled: tuple[Path, Report], counted: dict[tuple[str, str], Cells]
) -> None:
    out, _ = filled
    areas = [area for area in counted if area[0] != "学校"]
    assert len(areas) == 1 + 9
    for folder, code in areas:
        assert _some(_read(out / folder / f"教育事业统计_{YEAR}_{code}.xlsx")) == _some(counted[folder, code]), code


def test_every_school_equals_the_count_and_all_add_up_to_the_city(
    filled: tuple[Path, Report], counted: dict[tuple[str, str], Cells]
) -> None:
    out, _ = filled
    schools = {path.stem.rpartition("_")[2] for path in (out / "学校").iterdir()}
    assert schools == {code for level, code in counted if level == "学校"}
    added: Cells = defaultdict(float)
    for code in sorted(schools):
        cells = _read(out / "学校" / f"教育事业统计_{YEAR}_{code}.xlsx")
        assert _some(cells) == _some(counted["学校", code]), code
        for key, value in cells.items():
            added[key] += value
    city = _some(_read(out / "全市" / f"教育事业统计_{YEAR}_{common.CITY}.xlsx"))
    assert any(sheet == CITY_ONLY for sheet, _, _ in city)
    assert _some(added) == {key: value for key, value in city.items() if key[0] != CITY_ONLY}


def test_no_check_is_broken_and_the_forms_of_a_clean_city_agree(filled: tuple[Path, Report]) -> None:
    out, done = filled
    assert (done.broken, done.differences) == ([], 0)
    book = load_workbook(out / "县区" / f"教育事业统计_{YEAR}_{SMALL}.xlsx", read_only=True)
    assert {row[0] for row in book["校验"].iter_rows(min_row=2, values_only=True)} == {"表内", "表间", "上下级", "核实"}
