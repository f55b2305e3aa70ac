"""Statistical tables: each check holds on sound figures and breaks on one changed cell; the workbook shows it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from edu.errors import ExitCode
from edu.paths import Home
from warehouse.report.build import NoReportError, ReportBrokenError, fill_report
from warehouse.report.checks import check_figures, check_levels

PUPILS = {
    "classes": 2,
    "pupils_total": 50,
    "pupils_male": 30,
    "pupils_female": 20,
    "pupils_boarding": 0,
    "pupils_migrant": 3,
}
CLASS_TABLES = {"教基3112": "教基2105"}


def sound() -> dict[tuple[str, str, str], Decimal]:
    """One school with one grade of fifty pupils in two classes and three members of staff."""
    cells: dict[tuple[str, str, str], int] = {}
    for row in ("11", "total"):
        cells |= {("教基3112", row, column): value for column, value in PUPILS.items()}
        cells |= {("教基3112年龄", row, "age_06"): 48, ("教基3112年龄", row, "age_07"): 2}
        cells |= {("教基2105", row, "classes"): 2, ("教基2105", row, "classes_to_25"): 2}
    for row, teachers in (("total", 2), ("female", 1)):
        cells |= {("教基4148", row, "staff_total"): teachers + 1, ("教基4148", row, "staff_teachers"): teachers}
        cells |= {("教基4148", row, "staff_workers"): 1}
        for table in ("专任教师学历", "专任教师职称", "专任教师年龄"):
            cells[table, row, "any"] = teachers
    cells |= {("教基5170", "total", "building_area_m2"): 900, ("教基5170", "total", "teaching_area_m2"): 500}
    return {key: Decimal(value) for key, value in cells.items()}


def broken(cells: dict[tuple[str, str, str], Decimal]) -> set[tuple[str, str]]:
    return {(check.kind, check.table_no) for check in check_figures(cells, CLASS_TABLES) if not check.is_kept}


def test_sound_figures_keep_every_check() -> None:
    checks = check_figures(sound(), CLASS_TABLES)
    assert broken(sound()) == set()
    assert {check.kind for check in checks} == {"表内", "表间", "核实"}


@pytest.mark.parametrize(
    ("cell", "value", "found"),
    [
        (("教基3112", "total", "pupils_total"), 51, {("表内", "教基3112"), ("表间", "教基3112年龄")}),
        (("教基3112", "11", "pupils_female"), 19, {("表内", "教基3112")}),
        (("教基3112", "total", "pupils_boarding"), 60, {("表内", "教基3112")}),
        (("教基3112年龄", "11", "age_07"), 1, {("表间", "教基3112年龄")}),
        (("教基2105", "total", "classes_to_25"), 1, {("表内", "教基2105")}),
        (("教基2105", "11", "classes"), 3, {("表内", "教基2105"), ("表间", "教基2105")}),
        (("教基4148", "total", "staff_total"), 4, {("表内", "教基4148")}),
        (("专任教师学历", "total", "any"), 1, {("表间", "专任教师学历")}),
        (("教基4148", "female", "staff_workers"), 2, {("表内", "教基4148")}),
        (("教基5170", "total", "teaching_area_m2"), 901, {("核实", "教基5170")}),
    ],
)
def test_one_changed_cell_breaks_its_checks(
    cell: tuple[str, str, str], value: int, found: set[tuple[str, str]]
) -> None:
    assert broken(sound() | {cell: Decimal(value)}) == found


def test_what_a_school_may_explain_does_not_stop_a_report() -> None:
    checks = check_figures(sound() | {("教基5170", "total", "teaching_area_m2"): Decimal(901)}, CLASS_TABLES)
    assert [(check.kind, check.is_broken) for check in checks if not check.is_kept] == [("核实", False)]


def test_a_level_that_differs_in_one_grade_is_broken_though_the_sums_agree() -> None:
    own = {("教基3112", "11", "pupils_total"): Decimal(5), ("教基3112", "12", "pupils_total"): Decimal(7)}
    swapped = {("教基3112", "11", "pupils_total"): Decimal(7), ("教基3112", "12", "pupils_total"): Decimal(5)}
    assert [check.is_kept for check in check_levels(own, dict(own), "x")] == [True]
    assert [check.is_kept for check in check_levels(own, swapped, "x")] == [False]
    assert [check.is_kept for check in check_levels(own, {}, "x")] == [False]


def published(home: Home, cells: dict[tuple[str, str, str], Decimal], counted: int, base: int) -> None:
    """Publish the figures of two equal schools; the first one's own form says `base` pupils in grade one."""
    home.published.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home.published / "edu_1.0.0.duckdb")) as connection:
        connection.execute(
            "create schema query; create table query.report_figure (school_year varchar, snapshot_date date, "
            "division_code varchar, division_name varchar, school_id varchar, school_code varchar, school_name varchar, "
            "table_no varchar, row_code varchar, row_name varchar, column_code varchar, column_name varchar, "
            "column_order integer, value decimal(18, 2), base_table_value decimal(18, 2)); "
            "create table query.report_city_figure (school_year varchar, table_no varchar, row_code varchar, "
            "row_name varchar, column_code varchar, column_name varchar, column_order integer, value decimal(18, 2)); "
            "create table query.enrolment (school_year varchar, term integer, division_code varchar, school_code varchar, "
            "stage varchar, grade_code varchar, pupils bigint)"
        )
        for school in ("2142000001", "2142000002"):
            for (table, row, column), value in cells.items():
                is_told = school == "2142000001" and (table, row, column) == ("教基3112", "11", "pupils_total")
                connection.execute(
                    "insert into query.report_figure values ('2024-2025', date '2024-09-01', '421002', '沙市区', ?, ?, "
                    "'甲校', ?, ?, ?, ?, ?, 1, ?, ?)",
                    [school, school, table, row, row, column, column, value, base if is_told else None],
                )
        connection.execute(
            "insert into query.enrolment values ('2024-2025', 1, '421002', '2142000001', 'primary', '11', ?)", [counted]
        )
    (home.published / "current.duckdb").symlink_to("edu_1.0.0.duckdb")


def test_workbooks_of_schools_county_and_city_add_up_and_show_the_forms_differences(
    edu_home: Home, tmp_path: Path
) -> None:
    published(edu_home, sound(), counted=100, base=52)
    done = fill_report(edu_home, "2024-2025", tmp_path)
    assert (len(done.paths), done.broken, done.differences) == (4, [], 1)
    county = load_workbook(tmp_path / "县区" / "教育事业统计_2024-2025_421002.xlsx")
    header = [cell.value for cell in county["教基3112"][1]]
    total = {row[0].value: row for row in county["教基3112"].iter_rows(min_row=2)}["total"]
    assert total[header.index("pupils_total")].value == 100
    differences = load_workbook(tmp_path / "学校" / "教育事业统计_2024-2025_2142000001.xlsx")["基表差异"]
    assert [cell.value for cell in differences[2]][4:] == [50, 52, 2]
    assert {row[5].value for row in county["校验"].iter_rows(min_row=2)} == {"通过"}


def test_a_broken_check_is_shown_and_told(edu_home: Home, tmp_path: Path) -> None:
    published(edu_home, sound(), counted=99, base=50)
    done = fill_report(edu_home, "2024-2025", tmp_path, org="421002")
    assert [(code, check.kind, check.left, check.right) for code, check in done.broken] == [
        ("421002", "上下级", 100, 99)
    ]
    assert ReportBrokenError(done.broken).exit_code == ExitCode.REJECTED
    sheet = load_workbook(done.paths[0])["校验"]
    assert [cell.value for cell in sheet[2]][3:] == [99 + 1, 99, "不通过"]


def test_a_year_or_organisation_without_figures_is_refused(edu_home: Home, tmp_path: Path) -> None:
    published(edu_home, sound(), counted=100, base=50)
    for year, org in (("2019-2020", None), ("2024-2025", "421099")):
        with pytest.raises(NoReportError):
            fill_report(edu_home, year, tmp_path, org=org)


def test_ages_of_special_education_are_the_citys_alone(edu_home: Home, tmp_path: Path) -> None:
    """A check that is left out below the city is made there: an age too few breaks it."""
    special = {
        ("教基3120", row, column): Decimal(value)
        for row in ("21", "total")
        for column, value in (("classes", 1), ("pupils_total", 6), ("pupils_male", 4), ("pupils_female", 2))
    } | {("特教班额", row, column): Decimal(1) for row in ("21", "total") for column in ("classes", "band")}
    published(edu_home, special, counted=0, base=0)
    for ages, broken in ((12, 0), (11, 1)):
        with duckdb.connect(str(edu_home.published / "edu_1.0.0.duckdb")) as connection:
            connection.execute("delete from query.report_city_figure; delete from query.enrolment")
            connection.execute(
                "insert into query.enrolment values ('2024-2025', 1, '421002', '2142000001', 'special', '21', 12)"
            )
            connection.execute(
                "insert into query.report_city_figure select '2024-2025', '教基3120年龄', row_code, '', 'age_08', '8岁', 8, "
                "value from (values ('21', 12), ('total', ?)) as v(row_code, value)",
                [ages],
            )
        done = fill_report(edu_home, "2024-2025", tmp_path)
        # A school alone is not what the enrolment of both says, so only checks between tables are looked at.
        assert [(code, c.table_no) for code, c in done.broken if c.table_no.endswith("年龄")] == [
            ("421000", "教基3120年龄")
        ] * broken
    city = load_workbook(tmp_path / "全市" / "教育事业统计_2024-2025_421000.xlsx")
    school = load_workbook(tmp_path / "学校" / "教育事业统计_2024-2025_2142000001.xlsx")
    assert "教基3120年龄" in city.sheetnames
    assert "教基3120年龄" not in school.sheetnames
