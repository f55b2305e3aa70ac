"""Units that a header names: figures are brought to the contract's unit once for the column, cells go first."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from edu.contract import get_contract
from edu.paths import Home
from ingest.landing import collect
from ingest.submission import Options

SCHOOL = "2142000001"
CAMPUS = {
    "school_code": SCHOOL,
    "campus_no": "01",
    "teaching_area_m2": "5000",
    "indoor_sports_area_m2": "300",
    "sports_ground_area_m2": "2000",
    "equipment_value_yuan": "250000",
    "multimedia_classrooms": "20",
}
RUNNER = {
    "school_code": SCHOOL,
    "name": "王小明",
    "xjh": "G421002201209050014",
    "sex_code": "1",
    "grade_code": "16",
}


def land(home: Home, path: Path, dataset: str, period: str, rows: list[dict[str, str]], headers: dict[str, str]) -> Any:
    """Land one CSV file in which some headers are spelled as given."""
    contract = get_contract(dataset)
    names = [spec.name for spec in contract.profile_fields("national_export")]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([headers.get(name, contract.header("national_export", name)) for name in names])
        writer.writerows([[row.get(name, "") for name in names] for row in rows])
    options = Options(dataset=dataset, org="421002", period=period)
    return collect([path], home=home, options=options).receipts[0]


def found(home: Home, columns: str = "row_number, field, reason_code, class_no, severity") -> list[tuple[Any, ...]]:
    return duckdb.execute(f"select {columns} from '{home.runs}/finding/*.parquet' order by all").fetchall()


def values(home: Home, dataset: str, field: str) -> list[Any]:
    rows = duckdb.execute(f"select {field} from '{home.lake}/{dataset}/**/*.parquet' order by row_number").fetchall()
    return [row[0] for row in rows]


def campuses(field: str, *cells: str) -> list[dict[str, str]]:
    return [{**CAMPUS, "campus_no": f"{number:02d}", field: cell} for number, cell in enumerate(cells, start=1)]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        # 18 x 666.67 by hand; a cell that names its own unit goes before the header.
        ("占地面积（亩）", ("18", "1,000", "12000.06㎡"), ["12000.06", "666670.00", "12000.06"]),
        ("占地面积(单位：公顷)", ("1.5", "0", ""), ["15000.00", "0.00", None]),
        # Full-width digits and a forced text are numbers of the header's unit too.
        ("占地面积（公顷）", ("１２", "'12", "\u00a012"), ["120000.00", "120000.00", "120000.00"]),
    ],
)
def test_areas_under_a_header_with_a_unit(
    edu_home: Home, tmp_path: Path, header: str, cells: tuple[str, ...], expected: list[str | None]
) -> None:
    rows = campuses("land_area_m2", *cells)
    receipt = land(edu_home, tmp_path / "c.csv", "campus_facility", "2024-2025", rows, {"land_area_m2": header})
    assert receipt.rows_accepted == len(cells)
    assert values(edu_home, "campus_facility", "land_area_m2") == [x if x is None else Decimal(x) for x in expected]
    assert (None, "land_area_m2", "header_unit", 34, "fix") in found(edu_home)
    assert {row[2] for row in found(edu_home)} <= {"header_unit", "number_format_fixed"}


def test_money_under_a_header_in_ten_thousands(edu_home: Home, tmp_path: Path) -> None:
    rows = campuses("equipment_value_yuan", "25.5", "3万元")
    header = {"equipment_value_yuan": "教学仪器设备值（万元）"}
    land(edu_home, tmp_path / "c.csv", "campus_facility", "2024-2025", rows, header)
    assert values(edu_home, "campus_facility", "equipment_value_yuan") == [Decimal(255000), Decimal(30000)]
    assert [row[:3] for row in found(edu_home)] == [
        (3, "equipment_value_yuan", "unit_converted"),
        (None, "equipment_value_yuan", "header_unit"),
    ]


def test_the_own_unit_in_brackets_is_another_spelling(edu_home: Home, tmp_path: Path) -> None:
    rows = campuses("books", "1200")
    land(edu_home, tmp_path / "c.csv", "campus_facility", "2024-2025", rows, {"books": "图书册数（本）"})
    assert values(edu_home, "campus_facility", "books") == [1200]
    assert found(edu_home) == [(None, "books", "header_variant", 8, "fix")]


def test_a_unit_of_another_quantity_loses_the_values_and_says_so(edu_home: Home, tmp_path: Path) -> None:
    rows = campuses("land_area_m2", "18")
    land(edu_home, tmp_path / "c.csv", "campus_facility", "2024-2025", rows, {"land_area_m2": "占地面积（册）"})
    assert values(edu_home, "campus_facility", "land_area_m2") == [None]
    assert [row[1:3] for row in found(edu_home)] == [
        ("land_area_m2", "unit_mismatch"),
        ("land_area_m2", "header_unit_mismatch"),
    ]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        # 3 min 45 s; 60 s are no part of a minute; one digit says nothing; plain seconds stay seconds.
        ("耐力跑成绩（分.秒）", ("3.45", "3.60", "3.4", "225", "3'45\""), (225, None, None, 225, 225)),
        ("耐力跑成绩", ("3.45", "225"), (None, 225)),
    ],
)
def test_minutes_and_seconds_need_a_header_that_says_so(
    edu_home: Home, tmp_path: Path, header: str, cells: tuple[str, ...], expected: tuple[int | None, ...]
) -> None:
    rows = [
        {**RUNNER, "xjh": f"L42100220120905{number:04d}"[:19], "endurance_s": cell} for number, cell in enumerate(cells)
    ]
    land(edu_home, tmp_path / "f.csv", "fitness", "2024-2025", rows, {"endurance_s": header})
    assert values(edu_home, "fitness", "endurance_s") == [x if x is None else Decimal(x) for x in expected]
    reasons = {row[2] for row in found(edu_home) if row[1] == "endurance_s"}
    assert ("duration_header" in reasons) == ("分" in header)
    assert ("duration_unclear" in reasons) == ("分" not in header)


def test_a_percent_sign_that_refutes_the_unit_of_its_row(edu_home: Home, tmp_path: Path) -> None:
    row = {
        "division_code": "421000",
        "indicator_code": "A1",
        "indicator_name": "入学率",
        "indicator_unit": "%",
        "attribute_code": "1",
        "direction_code": "1",
    }
    rows = [
        {**row, "target_value": "95%"},
        {**row, "indicator_code": "A2", "target_value": "0.95"},
        {**row, "indicator_code": "A3", "indicator_unit": "年", "target_value": "10.8%"},
    ]
    receipt = land(edu_home, tmp_path / "p.csv", "plan_indicator", "FY2024", rows, {})
    assert (receipt.rows_accepted, receipt.rows_quarantined) == (2, 1)
    assert values(edu_home, "plan_indicator", "target_value") == [Decimal(95), Decimal("0.95")]
    assert found(edu_home) == [
        (2, "target_value", "percent_sign_removed", 33, "fix"),
        (4, "target_value", "percent_unclear", 33, "quarantine"),
    ]


def test_a_sphere_above_zero_of_an_eye_that_sees_little(edu_home: Home, tmp_path: Path) -> None:
    eyes = {**RUNNER, "naked_left": "4.5", "naked_right": "5.0"}
    rows = [
        {**eyes, "xjh": "L421002201209050001", "sphere_left": "2.00", "sphere_right": "0.50"},
        {**eyes, "xjh": "L421002201209050002", "sphere_left": "-2.00", "sphere_right": "-0.25"},
    ]
    land(edu_home, tmp_path / "v.csv", "vision", "2024-2025/1", rows, {})
    assert found(edu_home) == [(2, "sphere_left", "sphere_sign_doubtful", 46, "warn")]
