"""Printed forms of a school: figures told by place, under merged headers, with their totals checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import xlwt

from edu.codes import code_sets
from edu.contract import get_contract
from edu.errors import RejectedFileError
from edu.paths import Home
from ingest.feedback import outbox_files
from ingest.inbox import discover
from ingest.landing import collect
from ingest.readers import read
from ingest.readers.table import ReadResult
from ingest.replay import give_feedback, mend, verify
from ingest.submission import Options
from synthetic.base_tables import Form, pupils_form, staff_form, write_workbook

CONTRACT = get_contract("base_table_figure")
SCHOOL = "2142000001"
KIND = "九年一贯制学校"
Line = list[int | str | None]
# Classes; entrants, girls; pupils, girls, boarders, migrants' children; expected graduates.
PRIMARY: dict[str, Line] = {
    "合计": [12, 80, 38, 480, 230, 0, 61, 79],
    "一年级": [2, 80, 38, 80, 38, 0, 10, "—"],
    "二年级": [2, "—", "—", 82, 40, 0, 11, "—"],
    "三年级": [2, "—", "—", 81, 39, 0, 9, "—"],
    "四年级": [2, "—", "—", 78, 37, 0, 12, "—"],
    "五年级": [2, "—", "—", 80, 38, 0, 10, "—"],
    "六年级": [2, "—", "—", 79, 38, 0, 9, 79],
}
JUNIOR: dict[str, Line] = {
    "总计": [6, 90, 44, 270, 130, 25, None, 88],
    "七年级": [2, 90, 44, 90, 44, 10, None, None],
    "八年级": [2, None, None, 92, 45, 8, None, None],
    "九年级": [2, None, None, 88, 41, 7, None, 88],
}
STAFF: dict[str, Line] = {"总计": [60, 50, 4, 3, 2, 1], "  其中：女": [41, 36, 1, 2, 1, 1]}


def forms(primary: dict[str, Line] | None = None, staff: dict[str, Line] | None = None) -> list[Form]:
    return [
        pupils_form("教基3112", KIND, SCHOOL, primary or PRIMARY),
        pupils_form("教基3115", KIND, SCHOOL, JUNIOR),
        staff_form(KIND, SCHOOL, staff or STAFF),
    ]


def unnamed(every: list[Form]) -> list[Form]:
    """Take the school's code off the sheets, so that only the file's name says it."""
    for form in every:
        form.boxes = [box for box in form.boxes if "标识码" not in box[4] and box[4] != SCHOOL]
    return every


def changed(lines: dict[str, Line], label: str, column: int, value: int | str | None) -> dict[str, Line]:
    return {
        name: [value if (name, i) == (label, column) else old for i, old in enumerate(line)]
        for name, line in lines.items()
    }


def write_xls(path: Path, every: list[Form]) -> None:
    book = xlwt.Workbook()
    for form in every:
        page = book.add_sheet(form.sheet)
        for top, left, bottom, right, text in form.boxes:
            if (top, left) == (bottom, right):
                page.write(top, left, text)
            else:
                page.write_merge(top, bottom, left, right, text)
        for (row, col), value in form.figures.items():
            page.write(row, col, value)
    book.save(path)


def write(path: Path, every: list[Form]) -> Path:
    (write_xls if path.suffix == ".xls" else write_workbook)(path, every)
    return path


def load(path: Path, tmp_path: Path, profile: str | None = None) -> tuple[ReadResult, list[dict[str, Any]]]:
    with duckdb.connect() as connection:
        result = read(discover(path)[0], CONTRACT, profile, connection, tmp_path, "raw")
        rows = []
        for table in result.tables:
            found = connection.execute(f"select * from ({table.relation}) order by row_number, column_code")
            names = [column[0] for column in found.description]
            rows += [{"sheet": table.sheet, **dict(zip(names, row, strict=True))} for row in found.fetchall()]
    return result, rows


def cells(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], str | None]:
    return {(row["table_no"], row["row_code"], row["column_code"]): row["value"] for row in rows}


def said(result: ReadResult) -> list[tuple[str, str | None]]:
    return [(note.reason_code, note.sheet) for note in result.notes]


def land(home: Home, path: Path) -> Any:
    options = Options(dataset="base_table_figure", org=SCHOOL, period="2024-2025")
    return collect([path], home=home, options=options).receipts[0]


def findings(home: Home) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        "select sheet, row_number, field, reason_code, severity, message_zh "
        f"from read_parquet('{home.runs}/finding/*.parquet', union_by_name=true) order by all"
    ).fetchall()


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_each_cell_is_told_by_where_it_stands(tmp_path: Path, suffix: str) -> None:
    result, rows = load(write(tmp_path / f"a{suffix}", forms()), tmp_path)
    assert (result.profile, result.notes) == ("base_table", ())
    assert [table.sheet for table in result.tables] == [f"教基3112_{KIND}", f"教基3115_{KIND}", f"教基4148_{KIND}"]
    assert {row["school_code"] for row in rows} == {SCHOOL}
    # Seven rows of eight cells; of the junior form 7 + 6 + 4 + 5 are filled in; two rows of six.
    assert [sum(row["table_no"] == name for row in rows) for name in ("教基3112", "教基3115", "教基4148")] == [
        56,
        22,
        12,
    ]
    found = cells(rows)
    assert found["教基3112", "total", "pupils_total"] == "480"
    assert found["教基3112", "12", "pupils_female"] == "40"
    assert found["教基3112", "11", "pupils_boarding"] == "0"
    assert found["教基3112", "16", "graduates_expected"] == "79"
    assert found["教基3115", "23", "classes"] == "2"
    assert found["教基3115", "total", "entrants_female"] == "44"
    assert found["教基4148", "female", "staff_auxiliary"] == "2"
    place = next(row for row in rows if (row["table_no"], row["row_code"]) == ("教基3112", "13"))
    assert (place["sheet"], place["row_number"]) == (f"教基3112_{KIND}", 11)


def test_nothing_is_not_zero_and_a_mark_is_neither(tmp_path: Path) -> None:
    _, rows = load(write(tmp_path / "a.xlsx", forms()), tmp_path)
    marks = {(r["table_no"], r["row_code"], r["column_code"]): r["is_not_applicable"] for r in rows}
    assert ("教基3115", "21", "pupils_migrant") not in marks
    assert (cells(rows)["教基3112", "12", "entrants_total"], marks["教基3112", "12", "entrants_total"]) == (None, "1")
    assert (cells(rows)["教基3112", "11", "pupils_boarding"], marks["教基3112", "11", "pupils_boarding"]) == ("0", "0")


def test_rows_and_columns_that_were_moved_are_found(tmp_path: Path) -> None:
    _, straight = load(write(tmp_path / "a.xlsx", forms()), tmp_path)
    moved = []
    for form in forms():
        boxes = [(top + 3, left + 1, bottom + 3, right + 1, text) for top, left, bottom, right, text in form.boxes]
        moved.append(Form(form.sheet, boxes, {(r + 3, c + 1): value for (r, c), value in form.figures.items()}))
    _, rows = load(write(tmp_path / "b.xlsx", moved), tmp_path)
    assert cells(rows) == cells(straight)
    assert [row["row_number"] for row in rows] == [row["row_number"] + 3 for row in straight]


def test_columns_in_another_order_go_by_their_header(tmp_path: Path) -> None:
    form = pupils_form("教基3112", KIND, SCHOOL, PRIMARY)
    swap = {6: 7, 7: 6}
    form.boxes = [
        (t, swap.get(le, le), b, swap.get(r, r), text) if (t, b) == (5, 5) else (t, le, b, r, text)
        for t, le, b, r, text in form.boxes
    ]
    _, rows = load(write(tmp_path / "a.xlsx", [form]), tmp_path)
    # The header's words are swapped and the figures are not.
    assert cells(rows)["教基3112", "total", "pupils_boarding"] == "230"
    assert cells(rows)["教基3112", "total", "pupils_female"] == "0"


@pytest.mark.parametrize(("old", "new"), [("寄宿生", "住校生"), ("班数", ""), ("编号", "教学点数")])
def test_another_header_is_refused_with_its_place(tmp_path: Path, old: str, new: str) -> None:
    every = forms()
    every[1].boxes = [(t, le, b, r, new if text == old else text) for t, le, b, r, text in every[1].boxes]
    with pytest.raises(RejectedFileError, match="教基3115") as caught:
        load(write(tmp_path / "a.xlsx", every), tmp_path)
    error = caught.value
    assert (error.reason_code, error.sheet, error.row_number) == ("header_not_found", f"教基3115_{KIND}", 4)


def test_other_sheets_are_named_and_hidden_forms_too(tmp_path: Path) -> None:
    every = [*forms(), Form("通讯录", [(0, 0, 0, 0, "电话")]), Form("空表")]
    result, _ = load(write(tmp_path / "a.xlsx", every), tmp_path)
    assert said(result) == [("sheet_ignored", "通讯录")]
    book = xlwt.Workbook()
    book.add_sheet("教基3112").write(0, 0, "x")
    book.add_sheet("教基4148").write(0, 0, "x")
    book.get_sheet(0).visibility = 1
    book.save(tmp_path / "b.xls")
    with pytest.raises(RejectedFileError) as caught:
        load(tmp_path / "b.xls", tmp_path)
    assert caught.value.sheet == "教基4148"


def test_the_school_is_taken_from_the_name_of_the_file_or_asked_for(tmp_path: Path) -> None:
    every = unnamed(forms())
    _, rows = load(write(tmp_path / f"{SCHOOL}基表.xlsx", every), tmp_path)
    assert {row["school_code"] for row in rows} == {SCHOOL}
    with pytest.raises(RejectedFileError) as caught:
        load(write(tmp_path / "基表.xlsx", every), tmp_path)
    assert (caught.value.reason_code, caught.value.field) == ("mandatory_column_missing", "school_code")


def test_a_school_that_only_the_file_name_says_is_known_again_from_the_archive(edu_home: Home, tmp_path: Path) -> None:
    """The archive keeps a file under another name, and a correction workbook has a name of its own."""
    primary = changed(changed(PRIMARY, "三年级", 3, 91), "四年级", 4, 79)
    receipt = land(edu_home, write(tmp_path / f"{SCHOOL}基表.XLSX", unnamed(forms(primary))))
    assert (receipt.status, receipt.rows_accepted) == ("accepted", 90)
    told = findings(edu_home)
    done = verify(edu_home)
    assert (done.landings, done.differing) == (1, [])
    [rows] = edu_home.lake.glob("base_table_figure/*/b*.parquet")
    rows.unlink()
    assert mend(edu_home).landings == 1
    assert findings(edu_home) == told
    schools = f"select school_code, count(*) from read_parquet('{edu_home.root}/%s') group by all"
    assert duckdb.execute(schools % "lake/base_table_figure/*/b*.parquet").fetchall() == [(SCHOOL, 90)]
    assert duckdb.execute(schools % "runs/unit/b*.parquet").fetchall() == [(SCHOOL, 1)]
    [first] = [file for file in outbox_files(edu_home, receipt.submission_id) if file.suffix == ".xlsx"]
    again = give_feedback(edu_home, receipt.submission_id, tmp_path / "again.xlsx")
    for number, path in enumerate((first, again)):
        book = openpyxl.load_workbook(path)
        book.worksheets[0]["F11"].value = str(81 + number)
        # Ten digits in the name that a clerk gives it do not make it another school's.
        mended = tmp_path / f"改好{number}_2024090112.xlsx"
        book.save(mended)
        [second] = collect([mended], home=edu_home, options=Options()).receipts
        assert (second.org, second.status, second.rows_accepted) == (SCHOOL, "accepted", 90)
    assert duckdb.execute(schools % "runs/unit/b*.parquet").fetchall() == [(SCHOOL, 3)]


def test_two_schools_above_one_table_are_refused(tmp_path: Path) -> None:
    every = forms()
    every[0].boxes = [
        (t, le, b, r, text.replace(SCHOOL, f"{SCHOOL} 原标识码：2142000099")) for t, le, b, r, text in every[0].boxes
    ]
    with pytest.raises(RejectedFileError) as caught:
        load(write(tmp_path / "b.xlsx", every), tmp_path)
    assert (caught.value.reason_code, caught.value.sheet) == ("school_conflict", every[0].sheet)


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_clean_workbook_lands_whole_and_without_a_finding(edu_home: Home, tmp_path: Path, suffix: str) -> None:
    receipt = land(edu_home, write(tmp_path / f"a{suffix}", forms()))
    assert (receipt.status, receipt.rows_accepted, receipt.rows_incomplete) == ("accepted", 90, 0)
    assert findings(edu_home) == []
    lake = duckdb.execute(
        "select table_no, sum(value), count(*) filter (where is_not_applicable), count(distinct row_key) "
        f"from read_parquet('{edu_home.lake}/base_table_figure/**/*.parquet') where row_code <> 'total' group by all order by 1"
    ).fetchall()
    # Primary without totals: 12 + 80 + 38 + 480 + 230 + 0 + 61 + 79 with 5 + 5 + 5 marks.
    assert lake == [("教基3112", 980, 15, 48), ("教基3115", 653, 0, 15), ("教基4148", 82, 0, 6)]


def test_totals_and_parts_that_do_not_agree_are_said_with_their_place(edu_home: Home, tmp_path: Path) -> None:
    primary = changed(changed(PRIMARY, "三年级", 3, 91), "四年级", 4, 79)  # one more girl than pupils
    staff = changed(STAFF, "  其中：女", 2, 5)
    receipt = land(edu_home, write(tmp_path / "a.xlsx", forms(primary, staff)))
    assert (receipt.status, receipt.rows_accepted) == ("accepted", 90)
    pupils, people = f"教基3112_{KIND}", f"教基4148_{KIND}"
    assert [(row[0], row[1], row[3], row[4]) for row in findings(edu_home)] == [
        (pupils, 8, "total_differs", "warn"),  # 490 pupils by grade
        (pupils, 8, "total_differs", "warn"),  # 272 girls by grade
        (pupils, 12, "part_exceeds_total", "warn"),
        (people, 8, "part_exceeds_total", "warn"),  # 5 women of 4 in administration
        (people, 8, "total_differs", "warn"),  # 36 + 5 + 2 + 1 + 1 is 45, not 41
    ]
    words = [row[5] for row in findings(edu_home)]
    assert words[1] == "“数值（合计、在校生数）”与各分项之和不相等，统计按分项重新合计。"
    assert words[2].startswith("“数值（四年级、在校生数中女生）”大于")


def test_the_correction_workbook_is_the_form_and_comes_back_as_it_is(edu_home: Home, tmp_path: Path) -> None:
    """Each figure is marked in its own cell; mended, the workbook lands from any folder and nothing is left to say."""
    primary = changed(changed(PRIMARY, "三年级", 3, 91), "四年级", 4, 79)
    first = land(edu_home, write(tmp_path / "a.xls", forms(primary, changed(STAFF, "  其中：女", 2, 5))))
    [path] = [file for file in outbox_files(edu_home, first.submission_id) if file.suffix == ".xlsx"]
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[:3] == [form.sheet for form in forms()]
    marked = [
        {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment} for sheet in book.worksheets[:3]
    ]
    assert marked == [{"F8", "G8", "G12"}, set(), {"C8", "E8"}]
    assert {str(merged) for merged in book.worksheets[0].merged_cells.ranges} >= {"A4:A6", "G5:I5"}
    book.worksheets[0]["F11"].value, book.worksheets[0]["G12"].value = "81", "37"
    book.worksheets[2]["E8"].value = "1"
    book.save(tmp_path / "改好.xlsx")
    [second] = collect([tmp_path / "改好.xlsx"], home=edu_home, options=Options()).receipts
    assert (second.org, second.period, second.status, second.rows_accepted) == (SCHOOL, "2024-2025", "accepted", 90)
    told = duckdb.execute(
        f"select s.submission_id, profile, coverage, count(f.reason_code) from read_parquet('{edu_home.runs}/submission/*.parquet') as s "
        f"left join read_parquet('{edu_home.runs}/finding/*.parquet') as f using (submission_id) group by all"
    ).fetchall()
    assert {row[0]: row[1:] for row in told} == {
        first.submission_id: ("base_table", "full", 5),
        second.submission_id: ("base_table", "full", 0),
    }
    rows = [
        duckdb.execute(
            f"select table_no, row_code, column_code, value from read_parquet('{edu_home.lake}/base_table_figure/**/*.parquet') "
            "where submission_id = ? order by all",
            [receipt.submission_id],
        ).fetchall()
        for receipt in (first, second)
    ]
    changed_cells = {old[:3]: (old[3], new[3]) for old, new in zip(*rows, strict=True) if old != new}
    assert changed_cells == {
        ("教基3112", "13", "pupils_total"): (91, 81),
        ("教基3112", "14", "pupils_female"): (79, 37),
        ("教基4148", "female", "staff_administration"): (5, 1),
    }


def test_a_missing_part_says_nothing_unless_the_others_exceed_the_total(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, write(tmp_path / "a.xlsx", forms(changed(PRIMARY, "三年级", 3, None))))
    assert findings(edu_home) == []
    less = changed(changed(PRIMARY, "三年级", 3, None), "合计", 3, 398)  # 80 + 82 + 78 + 80 + 79 is 399
    land(edu_home, write(tmp_path / "b.xlsx", forms(less)))
    assert [(row[1], row[3]) for row in findings(edu_home)] == [(8, "total_differs")]


def test_a_marked_part_counts_as_none(edu_home: Home, tmp_path: Path) -> None:
    short = changed(changed(PRIMARY, "六年级", 3, "*"), "六年级", 4, "*")
    land(edu_home, write(tmp_path / "a.xlsx", forms(short)))
    # 401 pupils and 192 girls remain of 480 and 230.
    assert [(row[1], row[3]) for row in findings(edu_home)] == [(8, "total_differs"), (8, "total_differs")]


def test_a_row_that_no_form_has_is_quarantined_and_a_word_is_no_figure(edu_home: Home, tmp_path: Path) -> None:
    primary = {**changed(PRIMARY, "五年级", 5, "若干"), "补习班": [1, None, None, None, None, None, None, None]}
    receipt = land(edu_home, write(tmp_path / "a.xlsx", forms(primary)))
    assert (receipt.status, receipt.rows_accepted, receipt.rows_incomplete) == ("partly_accepted", 90, 1)
    assert [(row[1], row[2], row[3]) for row in findings(edu_home)] == [
        (13, "value", "value_unreadable"),
        (15, "row_code", "code_unknown"),
    ]


def test_every_place_of_a_form_has_a_code() -> None:
    positions = CONTRACT.profiles["base_table"].positions
    assert positions is not None
    for form in positions.sheets:
        assert form.table_no in code_sets()["BASE_TABLE"]
        assert set(form.columns.values()) <= set(code_sets()["BASE_TABLE_COLUMN"])
        assert set(form.rows.values()) <= set(code_sets()["BASE_TABLE_ROW"])
    for rule in CONTRACT.rules:
        for table in rule.params.get("tables", []):  # type: ignore[union-attr]
            form = next(form for form in positions.sheets if form.table_no == table)
            codes = set((form.rows if rule.params["along"] == "row_code" else form.columns).values())
            assert {rule.params["total"], *rule.params["parts"]} <= codes  # type: ignore[misc]
