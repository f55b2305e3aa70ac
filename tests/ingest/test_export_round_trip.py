"""A text that opens like a formula leaves by every export harmless, and comes back as it was (catalogue class 50)."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import openpyxl
import pytest
from rosters import SCHOOL
from typer.testing import CliRunner

from edu.cli import app
from edu.paths import Home
from ingest.feedback import outbox_files
from ingest.landing import collect
from ingest.submission import Options
from warehouse.publish import current_file

TEXTS = ("=1+1", "+校区", "-东区", "@南区", "'=已有", "''-两个", "'引'号", "东区=西区", '=HYPERLINK("a","b")', "-")
OPTIONS = Options(dataset="campus_facility", org="421002", period="2024-2025", snapshot_date="2024-09-01")
FIGURES = ("teaching_area_m2", "indoor_sports_area_m2", "sports_ground_area_m2", "equipment_value_yuan")


def landed(home: Home, submission_id: str | None) -> dict[str, str | None]:
    rows = duckdb.execute(
        f"select campus_no, campus_name from read_parquet('{home.lake}/campus_facility/*/*.parquet') "
        "where submission_id = ?",
        [submission_id],
    ).fetchall()
    return dict(rows)


@pytest.fixture
def published(edu_home: Home) -> Home:
    """A published file with one table of campuses whose names are the texts."""
    edu_home.published.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(current_file(edu_home))) as connection:
        connection.execute("create schema query")
        connection.execute("create table query.campus (school_code varchar, campus_no varchar, campus_name varchar)")
        connection.executemany(
            "insert into query.campus values (?, ?, ?)",
            [(SCHOOL, f"{number:02d}", text) for number, text in enumerate(TEXTS, 1)],
        )
    return edu_home


def test_an_answer_in_csv_comes_back_as_it_was(published: Home, tmp_path: Path) -> None:
    figures = ", ".join(f"1000 as {name}" for name in FIGURES)
    sql = f"select *, {figures}, 3 as multimedia_classrooms from query.campus order by campus_no"
    answer = CliRunner().invoke(app, ["query", sql, "--format", "csv"])
    assert answer.exit_code == 0
    (tmp_path / "answer.csv").write_bytes(answer.stdout_bytes)
    cells = [row["campus_name"] for row in csv.DictReader(answer.stdout.splitlines())]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    [receipt] = collect([tmp_path / "answer.csv"], home=published, options=OPTIONS).receipts
    expected = {f"{number:02d}": text for number, text in enumerate(TEXTS, 1)}
    # A lone dash is a word for nothing, whoever writes it.
    assert landed(published, receipt.submission_id) == {**expected, f"{len(TEXTS):02d}": None}


def test_a_correction_workbook_has_texts_and_comes_back_as_it_was(edu_home: Home, tmp_path: Path) -> None:
    names = ["学校标识码", "校区号", "校区名称", "教学及辅助用房面积", "室内体育用房面积", "运动场地面积"]
    names += ["教学仪器设备值", "网络多媒体教室数"]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = [[SCHOOL, f"{n:02d}", text, "900", "10", "5", "x", "3"] for n, text in enumerate(TEXTS[:4], 1)]
        csv.writer(stream).writerows([names, *rows])
    [first] = collect([tmp_path / "a.csv"], home=edu_home, options=OPTIONS).receipts
    [path] = [file for file in outbox_files(edu_home, str(first.submission_id)) if file.suffix == ".xlsx"]
    book = openpyxl.load_workbook(path)
    cells = [row[2] for row in book.worksheets[0].iter_rows(min_row=2, max_row=5)]
    assert [(cell.data_type, cell.value) for cell in cells] == [("s", text) for text in TEXTS[:4]]
    for row in range(2, 6):
        book.worksheets[0].cell(row, 7).value = "5000"
    book.save(tmp_path / "back.xlsx")
    [second] = collect([tmp_path / "back.xlsx"], home=edu_home, options=Options()).receipts
    assert second.rows_accepted == 4
    assert landed(edu_home, second.submission_id) == {f"{n:02d}": text for n, text in enumerate(TEXTS[:4], 1)}
