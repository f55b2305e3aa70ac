"""Correction workbooks: a dirty roster goes out marked, is mended cell by cell, comes back as it is and is clean."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from rosters import header, id_number, pupil, write_roster

from edu.contract import get_contract
from edu.paths import Home
from edu.restriction import record as record_restriction
from ingest import feedback
from ingest.correction import PROPERTY_SHEET, SUMMARY_SHEET, properties_of
from ingest.landing import collect
from ingest.replay import give_feedback, receipts, reland, replay, verify
from ingest.submission import Options
from ingest.withdrawal import withdraw

OPTIONS = Options(dataset="student", org="421002", period="2024-2025/1")
DIRTY = [
    pupil(1, name="=cmd()"),
    pupil(3, sex_code=""),
    pupil(5, birth_date="2012.09.05"),
    pupil(7, id_number="421002201209012018"),
    pupil(9, grade_code="研究生"),
    pupil(11, birth_date="20120910"),
    pupil(13, sex_code="男"),
]
MENDED = {"C3": "1", "G5": id_number(7), "I6": "16", "D7": "20120905"}


def findings(home: Home, submission_id: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select row_number, field, reason_code, severity from read_parquet('{home.runs}/finding/*.parquet') "
        "where submission_id = ? order by all",
        [submission_id],
    ).fetchall()


def book_of(home: Home, submission_id: str) -> Path:
    [path] = [item for item in feedback.outbox_files(home, submission_id) if item.suffix == ".xlsx"]
    return path


def land(home: Home, path: Path, options: Options = OPTIONS) -> Any:
    [receipt] = collect([path], home=home, options=options).receipts
    return receipt


def test_a_mended_workbook_comes_back_clean_from_any_folder(edu_home: Home, tmp_path: Path) -> None:
    first = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    path = book_of(edu_home, first.submission_id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    marked = {cell.coordinate for cells in sheet.iter_rows() for cell in cells if cell.comment}
    assert marked == {*MENDED, "D4", "C8"}
    # The clerk's headers and rows stand where they stood, and what landing mended is filled in.
    assert [sheet["A1"].value, sheet["G1"].value, sheet["G2"].value] == ["学校标识码", "身份证件号", id_number(1)]
    assert (sheet["D4"].value, sheet["C8"].value) == ("2012-09-05", "1")
    assert sheet["B2"].data_type == "s"
    assert sheet["G2"].number_format == "@"
    assert any(rule.type == "list" for rule in sheet.data_validations.dataValidation)
    assert "必填项" in sheet["C3"].comment.text
    assert book[SUMMARY_SHEET].sheet_state == "visible"
    for place, text in MENDED.items():
        sheet[place].value = text
    book.save(tmp_path / "改好.xlsx")
    second = land(edu_home, tmp_path / "改好.xlsx", Options())
    assert (second.org, second.period, second.status, second.rows_accepted) == ("421002", "2024-2025/1", "accepted", 7)
    assert findings(edu_home, second.submission_id) == []
    newest = receipts(edu_home, second.submission_id)[-1]
    assert (newest["coverage"], newest["profile"]) == ("full", "national_export")


def test_a_workbook_of_many_sheets_is_answered_in_its_sheets(edu_home: Home, tmp_path: Path) -> None:
    """One sheet a class: each is marked where it stood; the other sheet is no roster and does not come back."""
    classes = {
        "一班": [pupil(1), pupil(3, sex_code="")],
        "二班": [pupil(5, birth_date="20121905"), pupil(7)],
        "三班": [pupil(9), pupil(11)],
    }
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.create_sheet("通讯录").append(["办公室", "电话"])
    names = [spec.name for spec in get_contract("student").profile_fields("national_export")]
    for title, pupils in classes.items():
        page = book.create_sheet(title)
        page.append(["六年级学生名册"])
        page.append(header())
        for row in pupils:
            page.append([row[name] for name in names])
    book.save(tmp_path / "各班.xlsx")
    first = land(edu_home, tmp_path / "各班.xlsx")
    # One title a sheet; the receipt on record says the same, and so does the clerk's summary.
    assert first.rows_dropped == receipts(edu_home, first.submission_id)[-1]["rows_dropped"] == 3
    back = openpyxl.load_workbook(book_of(edu_home, first.submission_id))
    assert back.sheetnames[:3] == list(classes)
    assert "通讯录" not in back.sheetnames
    summary = [str(cell.value) for row in back[SUMMARY_SHEET].iter_rows() for cell in row if cell.value]
    assert any("另略过标题、说明、合计或签章 3 行" in text for text in summary)
    places = {
        (sheet.title, cell.coordinate)
        for sheet in back.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.comment
    }
    assert places == {("一班", "C4"), ("二班", "D3")}
    back["一班"]["C4"].value, back["二班"]["D3"].value = "1", "20120905"
    back.save(tmp_path / "改好.xlsx")
    second = land(edu_home, tmp_path / "改好.xlsx", Options())
    assert (second.status, second.rows_accepted) == ("accepted", 6)
    assert [row[2] for row in findings(edu_home, second.submission_id)] == ["extra_rows_dropped"]
    assert receipts(edu_home, second.submission_id)[-1]["coverage"] == "full"
    kept = duckdb.execute(
        f"select sheet, count(*) from read_parquet('{edu_home.lake}/student/**/*.parquet') where submission_id = ? "
        "group by 1 order by 1",
        [second.submission_id],
    ).fetchall()
    assert dict(kept) == dict.fromkeys(classes, 2)


def test_protected_texts_land_and_come_back_as_texts(edu_home: Home, tmp_path: Path) -> None:
    """An export with ="…" in every cell is taken; its correction workbook shows the texts, and comes back clean."""
    path = write_roster(tmp_path / "plain.csv", [pupil(1), pupil(3, sex_code="")])
    plain = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [plain[0], *([f'="{cell}"' if cell else "" for cell in row] for row in plain[1:])]
    (tmp_path / "r.csv").write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    first = land(edu_home, tmp_path / "r.csv")
    assert (first.status, first.rows_accepted, first.rows_incomplete) == ("accepted", 2, 1)
    filled = [name for name, cell in zip(pupil(1), plain[1], strict=True) if cell]
    assert {row[2:] for row in findings(edu_home, first.submission_id) if row[1] in filled and row[0] is None} == {
        ("text_protection_removed", "fix")
    }
    book = openpyxl.load_workbook(book_of(edu_home, first.submission_id))
    sheet = book.worksheets[0]
    assert [sheet["A2"].value, sheet["G2"].value] == ["2142000001", id_number(1)]
    sheet["C3"].value = "1"
    book.save(tmp_path / "改好.xlsx")
    second = land(edu_home, tmp_path / "改好.xlsx", Options())
    assert (second.status, second.rows_accepted, second.rows_incomplete) == ("accepted", 2, 0)
    assert findings(edu_home, second.submission_id) == []


def test_a_file_too_large_is_answered_with_its_faulty_rows(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "ROWS_MAXIMUM", 3)
    first = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    path = book_of(edu_home, first.submission_id)
    assert properties_of(path)["coverage"] == "partial"
    sheet = openpyxl.load_workbook(path).worksheets[0]
    # Rows 3 to 8 have findings; each is named by a good roll number, so all may be mended alone.
    assert [cell.value for cell in sheet["K"]] == [sheet["K1"].value, *[str(n) for n in (3, 5, 7, 9, 11, 13)]]
    back = land(edu_home, path, Options())
    assert receipts(edu_home, back.submission_id)[-1]["coverage"] == "partial"


def test_a_rejected_file_is_told_what_to_do(edu_home: Home, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("随便写的一行\n第二行\n", encoding="utf-8")
    receipt = land(edu_home, bad)
    book = openpyxl.load_workbook(book_of(edu_home, receipt.submission_id))
    assert book.sheetnames == [SUMMARY_SHEET]
    texts = [str(cell) for row in book[SUMMARY_SHEET].iter_rows(values_only=True) for cell in row if cell]
    assert any("找不到表头" in text for text in texts)
    assert PROPERTY_SHEET not in book.sheetnames


def test_feedback_is_the_same_from_the_archive(edu_home: Home, tmp_path: Path) -> None:
    receipt = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    path = book_of(edu_home, receipt.submission_id)

    def content(file: Path) -> list[Any]:
        book = openpyxl.load_workbook(file)
        return [(s.title, [[c.value for c in row] for row in s.iter_rows()]) for s in book.worksheets]

    first = content(path)
    for file in feedback.outbox_files(edu_home, receipt.submission_id):
        file.unlink()
    # The same file again is ignored, and gets what it lacks.
    assert land(edu_home, tmp_path / "r.csv").status == "ignored"
    assert content(path) == first
    assert content(give_feedback(edu_home, receipt.submission_id, tmp_path / "x.xlsx") or path) == first
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["rows_read"] == 7
    assert {reason["reason_code"] for reason in told["reasons"]} >= {"value_missing", "id_check_digit"}


def test_replay_gives_the_same_lake_and_verify_sees_a_change(edu_home: Home, tmp_path: Path) -> None:
    receipt = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    done = verify(edu_home)
    assert (done.submissions, done.differing) == (1, [])
    target = Home(tmp_path / "second")
    assert replay(edu_home, target).submissions == 1
    [first] = edu_home.lake.glob("student/*/b*.parquet")
    [second] = target.lake.glob("student/*/b*.parquet")
    assert first.read_bytes() == second.read_bytes()
    told = [receipts(home, receipt.submission_id) for home in (edu_home, target)]
    assert told[0] == told[1]
    duckdb.execute(
        f"copy (select * replace ('2' as sex_code) from read_parquet('{first}')) to '{first}.new' (format parquet)"
    )
    first.with_name(first.name + ".new").replace(first)
    assert verify(edu_home).differing == [receipt.submission_id]


def test_replay_takes_along_what_people_recorded(edu_home: Home, tmp_path: Path) -> None:
    receipt = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    withdraw(edu_home, str(receipt.submission_id), by="steward", reason="the wrong file")
    restriction = record_restriction(edu_home, f"xjh:{1:032x}", action="restrict", actor="steward", reason="asked for")
    target = Home(tmp_path / "second")
    replay(edu_home, target)
    for kind in ("withdrawal", "restriction"):
        names = [sorted(path.name for path in (home.runs / kind).glob("*.parquet")) for home in (edu_home, target)]
        assert names[0] == names[1]
        assert len(names[0]) == 2, restriction
    # What a landing or a build writes by itself is written anew, not taken over.
    assert len(list((target.runs / "submission").glob("b*.parquet"))) == 1


def test_landing_again_is_a_landing_of_its_own(edu_home: Home, tmp_path: Path) -> None:
    receipt = land(edu_home, write_roster(tmp_path / "r.csv", DIRTY))
    record = reland(edu_home, receipt.submission_id)
    both = receipts(edu_home, receipt.submission_id)
    assert len({row["batch_id"] for row in both}) == 2
    assert {row["received_at"] for row in both} == {record["received_at"]}
    rows = duckdb.execute(
        f"select batch_id, count(*) from read_parquet('{edu_home.lake}/student/*/b*.parquet') group by 1"
    ).fetchall()
    assert sorted(count for _, count in rows) == [6, 6]


def test_every_dataset_gets_feedback(edu_home: Home, tmp_path: Path) -> None:
    from edu.contract import contracts
    from ingest.templates import write_template

    for name, contract in contracts().items():
        if "template" not in contract.profiles:
            continue
        write_template(name, tmp_path / f"{name}.xlsx")
        book = openpyxl.load_workbook(tmp_path / f"{name}.xlsx")
        profile = contract.profiles["template"]
        row = profile.layout.title_rows + 2
        for column, _ in enumerate(contract.profile_fields("template"), start=1):
            book.worksheets[0].cell(row, column).value = "？"
        book.save(tmp_path / f"{name}.xlsx")
        kind = contract.period_kind
        period = {"term": "2024-2025/1", "school_year": "2024-2025", "fiscal_year": "FY2024", "date": "2024-09-01"}[
            kind
        ]
        receipt = land(edu_home, tmp_path / f"{name}.xlsx", Options(dataset=name, org="421002", period=period))
        assert book_of(edu_home, receipt.submission_id), name
