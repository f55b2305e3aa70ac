"""Zero reports (零报告): a school that says it has nothing to report is known, and only that word says so."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from rosters import SCHOOL, register

from edu.paths import Home
from ingest.checklist import checklist
from ingest.landing import collect
from ingest.receipt import Receipt
from ingest.submission import Options
from ingest.templates import write_template

HEADER = ["学校标识码", "姓名", "教职工号", "培训项目编号", "培训类别", "总学时"]
OTHER = "2142000099"
COURSE = [OTHER, "周明", "T001", "PX2024-0001", "1", "48"]
YEAR = "2024-2025"


def send(home: Home, path: Path, rows: list[list[str]], org: str = SCHOOL, coverage: str = "full") -> Receipt:
    """Land a file of trainings."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    options = Options("staff_training", org, YEAR, received_at=datetime(2025, 8, 1), coverage=coverage)
    return collect([path], home=home, options=options).receipts[0]


def recorded(home: Home, folder: str, columns: str) -> list[tuple[Any, ...]]:
    """Return records of all landings."""
    return duckdb.sql(
        f"select {columns} from read_parquet('{home.runs}/{folder}/*.parquet') where {columns.split(',')[0]} is not null "
        "order by all"
    ).fetchall()


@pytest.mark.parametrize(
    "row",
    [
        [SCHOOL, "零报告", "", "", "", ""],
        [SCHOOL, "", "", " 零报告　", "", ""],
        [SCHOOL, "零报告", "零报告", "无", "/", "-"],
    ],
)
def test_a_school_that_says_so_has_reported_nothing(edu_home: Home, tmp_path: Path, row: list[str]) -> None:
    register(edu_home, tmp_path, "211", datetime(2024, 9, 10))
    receipt = send(edu_home, tmp_path / "none.csv", [row])
    assert (receipt.status, receipt.reason_code, receipt.exit_code) == ("accepted", None, 0)
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_quarantined) == (0, 0, 0)
    assert receipt.findings == {}
    assert receipt.message == "1 所学校零报告。"
    units = recorded(edu_home, "unit", "school_code, dataset, coverage, rows_read, rows_accepted, rows_quarantined")
    assert (SCHOOL, "staff_training", "full", 0, 0, 0) in units
    lake = list((edu_home.root / "lake").rglob("staff_training/**/*.parquet"))
    assert sum(duckdb.sql(f"select count(*) from '{path}'").fetchall()[0][0] for path in lake) == 0
    states = {r["dataset"]: r["state"] for r in checklist(edu_home, SCHOOL, "2024-2025/1", date(2025, 9, 2))}
    assert states["staff_training"] == "已报"


@pytest.mark.parametrize("rows", [[], [[SCHOOL, "", "", "", "", ""]], [[SCHOOL, "无", "", "", "", ""]]])
def test_a_file_without_rows_reports_nothing_of_nobody(edu_home: Home, tmp_path: Path, rows: list[list[str]]) -> None:
    receipt = send(edu_home, tmp_path / "empty.csv", rows)
    assert receipt.status == "rejected"
    assert receipt.findings


@pytest.mark.parametrize(
    ("dataset", "reason", "told"),
    [
        ("staff_training", "rows_missing_zero_report", "本期确实没有可报内容的学校请作零报告：填一行，写学校标识码"),
        ("student", "rows_missing", "收到的是空白模板的，请填好再报送"),
    ],
)
def test_a_blank_template_is_sent_back_with_what_to_do(
    edu_home: Home, tmp_path: Path, dataset: str, reason: str, told: str
) -> None:
    """Of what may be reported as nothing the clerk reads how; of what may not he does not."""
    write_template(dataset, tmp_path / "blank.xlsx")
    period = YEAR if dataset == "staff_training" else "2024-2025/1"
    [receipt] = collect([tmp_path / "blank.xlsx"], home=edu_home, options=Options(dataset, SCHOOL, period)).receipts
    assert (receipt.status, receipt.reason_code, receipt.rows_read) == ("rejected", reason, 0)
    assert receipt.findings == {"reject": 1}
    assert "blank.xlsx" in str(receipt.message)
    found = recorded(edu_home, "finding", "reason_code, class_no, severity, sheet, row_number, message_zh")
    assert found == [(reason, 48, "reject", None, None, "表头以下没有任何数据行，未接收；本单位视为未报，不作零计。")]
    assert recorded(edu_home, "unit", "school_code, dataset") == []
    [answer] = edu_home.outbox.glob(f"{SCHOOL}/*.xlsx")
    texts = [str(cell.value) for row in openpyxl.load_workbook(answer).worksheets[0] for cell in row if cell.value]
    assert any(told in text for text in texts)
    assert any("零报告" in text for text in texts) == (dataset == "staff_training")
    [written] = edu_home.outbox.glob(f"{SCHOOL}/*.json")
    assert [each["reason_code"] for each in json.loads(written.read_text())["reasons"]] == [reason]


def test_two_rows_of_one_school_are_one_report(edu_home: Home, tmp_path: Path) -> None:
    rows = [[SCHOOL, "零报告", "", "", "", ""], [SCHOOL, "", "零报告", "", "", ""], [OTHER, "零报告", "", "", "", ""]]
    assert send(edu_home, tmp_path / "twice.csv", rows, org="421002").message == "2 所学校零报告。"


def test_a_county_reports_for_some_of_its_schools(edu_home: Home, tmp_path: Path) -> None:
    receipt = send(edu_home, tmp_path / "county.csv", [COURSE, [SCHOOL, "零报告", "", "", "", ""]], org="421002")
    assert (receipt.status, receipt.rows_read, receipt.rows_accepted) == ("accepted", 1, 1)
    assert recorded(edu_home, "unit", "school_code, rows_read, rows_accepted") == [(SCHOOL, 0, 0), (OTHER, 1, 1)]


@pytest.mark.parametrize(
    ("row", "coverage", "reason"),
    [
        ([OTHER, "零报告", "", "", "", ""], "full", "zero_report_contradicted"),
        ([SCHOOL, "零报告", "", "", "", ""], "partial", "zero_report_contradicted"),
        (["", "零报告", "", "", "", ""], "full", "value_missing"),
    ],
)
def test_a_zero_report_that_its_file_denies_is_no_report(
    edu_home: Home, tmp_path: Path, row: list[str], coverage: str, reason: str
) -> None:
    receipt = send(edu_home, tmp_path / "both.csv", [COURSE, row], org="421002", coverage=coverage)
    assert (receipt.status, receipt.rows_accepted, receipt.rows_quarantined) == ("partly_accepted", 1, 1)
    assert recorded(edu_home, "finding", "reason_code, severity, row_number") == [(reason, "quarantine", 3)]


def test_a_name_beside_the_word_is_a_row(edu_home: Home, tmp_path: Path) -> None:
    receipt = send(edu_home, tmp_path / "name.csv", [COURSE, [SCHOOL, "周明", "零报告", "", "", ""]], org="421002")
    assert (receipt.rows_read, receipt.message) == (2, None)


def test_a_dataset_that_nobody_can_have_none_of_takes_no_zero_report(edu_home: Home, tmp_path: Path) -> None:
    path = tmp_path / "staff.csv"
    path.write_text("学校标识码,姓名,教职工号\n" + f"{SCHOOL},零报告,\n", encoding="utf-8")
    options = Options("staff", SCHOOL, "2024-2025/1", snapshot_date=date(2024, 9, 1), received_at=datetime(2024, 9, 2))
    assert collect([path], home=edu_home, options=options).receipts[0].status == "rejected"


def test_the_template_says_how(tmp_path: Path) -> None:
    write_template("staff_training", tmp_path / "t.xlsx")
    notes = openpyxl.load_workbook(tmp_path / "t.xlsx")["填表说明"]
    assert "零报告" in str(notes["A2"].value)
    write_template("staff", tmp_path / "s.xlsx")
    assert openpyxl.load_workbook(tmp_path / "s.xlsx")["填表说明"]["A2"].value is None
