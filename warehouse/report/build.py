"""Fills the statistical tables from the published version: one workbook a school, county and the city."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from edu.codes import seed_rows
from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse.publish import current_version
from warehouse.query import open_published
from warehouse.report.book import Area, Cell, write_book
from warehouse.report.checks import Check, Figures, check_figures, check_levels

CITY = "421000"


class NoReportError(EduError):
    """There is nothing to report of that year or organisation."""

    exit_code = ExitCode.USAGE

    def __init__(self, school_year: str, org: str | None) -> None:
        super().__init__(
            f"the published version has no figures of {school_year}{f' for {org}' if org else ''}; "
            "check --school-year and --org, or run edu build and edu publish."
        )


class ReportBrokenError(EduError):
    """Some checks do not hold; the workbooks were written all the same and show which."""

    exit_code = ExitCode.REJECTED

    def __init__(self, broken: list[tuple[str, Check]]) -> None:
        shown = "; ".join(
            f"{code} {check.table_no} {check.rule}: {check.left} / {check.right}" for code, check in broken[:5]
        )
        super().__init__(f"{len(broken)} checks do not hold, see sheet 校验 of the workbooks: {shown}")


@dataclass(frozen=True)
class Report:
    """What was written: workbooks, checks, broken ones with their area, cells that differ from the schools' forms."""

    paths: list[Path]
    checks: int
    broken: list[tuple[str, Check]]
    differences: int


def fill_report(
    home: Home, school_year: str, out: Path, org: str | None = None, tick: Callable[[str], None] | None = None
) -> Report:
    """Write the workbooks of one organisation, or of the city, its counties and all schools.

    Raises:
        WarehouseError: nothing is published.
        NoReportError: there are no figures.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open_published(home) as connection:
        areas = _areas(connection, school_year, org)
        if not areas:
            raise NoReportError(school_year, org)
        version = current_version(home) or ""
        report = Report([], 0, [], 0)
        checks_made = differences_found = 0
        for level, code in areas:
            area, cells, differences = _cells(connection, school_year, level, code, version)
            figures = {(cell.table_no, cell.row_code, cell.column_code): cell.value for cell in cells}
            stages = seed_rows("report_stage")
            checks = check_figures(
                figures,
                {row["pupil_table"]: row["class_table"] for row in stages},
                [row["pupil_table"] for row in stages if row["is_sensitive"] == "true" and level != "city"],
            )
            if level != "school":
                checks += _level_checks(connection, school_year, level, code, figures)
            folder = out / {"school": "学校", "county": "县区", "city": "全市"}[level]
            folder.mkdir(exist_ok=True)
            path = folder / f"教育事业统计_{school_year}_{code}.xlsx"
            write_book(path, area, cells, checks, differences)
            report.paths.append(path)
            report.broken.extend((code, check) for check in checks if check.is_broken)
            checks_made += len(checks)
            differences_found += len(differences) if level == "school" else 0
            if tick:
                tick(code)
    return Report(report.paths, checks_made, report.broken, differences_found)


def _areas(connection: duckdb.DuckDBPyConnection, school_year: str, org: str | None) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select distinct school_code, division_code from query.report_figure where school_year = ? order by all",
        [school_year],
    ).fetchall()
    if not rows:
        return []
    found = [("city", CITY), *(("county", code) for code in sorted({row[1] for row in rows}))]
    found += [("school", row[0]) for row in rows]
    return found if org is None else [area for area in found if area[1] == org]


def _where(level: str) -> str:
    return {"school": "school_code = $code", "county": "division_code = $code", "city": "$code is not null"}[level]


def _cells(
    connection: duckdb.DuckDBPyConnection, school_year: str, level: str, code: str, version: str
) -> tuple[Area, list[Cell], list[tuple[str, Cell]]]:
    given = {"year": school_year, "code": code}
    rows = connection.execute(
        "select table_no, row_code, min(row_name), column_code, min(column_name), min(column_order), sum(value), null "
        f"from query.report_figure where school_year = $year and {_where(level)} "
        "group by table_no, row_code, column_code order by table_no, row_code, column_code",
        given,
    ).fetchall()
    if level == "city":
        # Of few learners in one school only the sums of the city are kept.
        rows += connection.execute(
            "select table_no, row_code, row_name, column_code, column_name, column_order, value, null "
            "from query.report_city_figure where school_year = ? order by table_no, row_code, column_code",
            [school_year],
        ).fetchall()
    cells = [Cell(*row) for row in sorted(rows, key=lambda row: (row[0], row[1], row[3]))]
    differing = connection.execute(
        "select school_code, table_no, row_code, row_name, column_code, column_name, column_order, value, base_table_value "
        f"from query.report_figure where school_year = $year and {_where(level)} and base_table_value <> value order by all",
        given,
    ).fetchall()
    named = connection.execute(
        "select min(school_name), min(division_name), max(snapshot_date) from query.report_figure "
        f"where school_year = $year and {_where(level)}",
        given,
    ).fetchone() or ("", "", None)
    name = {"school": named[0], "county": named[1], "city": "荆州市"}[level]
    level_name = {"school": "学校", "county": "县(市、区)", "city": "市"}[level]
    area = Area(code, name or code, level_name, school_year, named[2], version)
    return area, cells, [(row[0], Cell(*row[1:])) for row in differing]


def _level_checks(
    connection: duckdb.DuckDBPyConnection, school_year: str, level: str, code: str, figures: Figures
) -> list[Check]:
    """Compare an area with what its schools' rolls, counted in other tables, add up to."""
    given = {"year": school_year, "code": code}
    tables = {row["stage"]: row for row in seed_rows("report_stage")}
    counted: dict[tuple[str, str, str], Decimal] = {}
    for stage, grade, pupils in connection.execute(
        "select stage, grade_code, sum(pupils) from query.enrolment "
        f"where school_year = $year and term = 1 and {_where(level)} group by stage, grade_code",
        given,
    ).fetchall():
        if stage in tables:
            counted[tables[stage]["pupil_table"], grade, "pupils_total"] = Decimal(pupils)
    own = {key: value for key, value in figures.items() if key[2] == "pupils_total" and key[1] != "total"}
    return check_levels(own, counted, "各年级在校生 = 所属学校在校生(query.enrolment)之和")
