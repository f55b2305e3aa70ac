"""Workbooks as clerks send them: .xls, HTML under that name, merged and hidden cells, 1904 dates, passwords."""

from __future__ import annotations

import datetime
import hashlib
import html
import io
import json
import re
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import msoffcrypto.format.ooxml
import openpyxl
import pytest
import xlsxwriter
import xlwt
from rosters import header, pupil

from edu.batches import LakeBrokenError, broken, check
from edu.codes import code_sets
from edu.contract import get_contract
from edu.errors import RejectedFileError
from edu.paths import Home
from edu.pseudonym import load_key
from ingest.archive import restore
from ingest.feedback import outbox_files
from ingest.inbox import discover
from ingest.landing import collect
from ingest.readers import markup, peek_title, read, sniff, xlsx
from ingest.readers.protected import has_password_record
from ingest.readers.table import ReadResult
from ingest.replay import (
    LockedWorkbookError,
    UnmendableError,
    give_feedback,
    mend,
    receipts,
    reland,
    replay,
    verify,
)
from ingest.submission import Options
from ingest.withdrawal import withdraw

CONTRACT = get_contract("student")
NAMES = [spec.name for spec in CONTRACT.profile_fields("template")]
ON_MAIN = header("student", "template")


def load(path: Path, tmp_path: Path, password: str | None = None) -> tuple[ReadResult, list[dict[str, Any]]]:
    with duckdb.connect() as connection:
        result = read(discover(path)[0], CONTRACT, None, connection, tmp_path, "raw", password)
        rows = []
        for table in result.tables:
            found = connection.execute(f"select * from ({table.relation}) order by row_number")
            names = [column[0] for column in found.description]
            rows += [{"sheet": table.sheet, **dict(zip(names, row, strict=True))} for row in found.fetchall()]
    return result, rows


def said(result: ReadResult) -> list[tuple[str, str | None, str | None, int | None]]:
    return [(note.reason_code, note.field, note.sheet, note.row_number) for note in result.notes]


def line(serial: int, **changes: Any) -> list[Any]:
    """Return a pupil as the template has it: labels for codes."""
    row = pupil(serial)
    values = []
    for spec in CONTRACT.profile_fields("template"):
        code_set = "SFBZ" if spec.type == "flag" else spec.code_set
        value = row[spec.name]
        values.append(changes.get(spec.name, code_sets()[code_set][value] if code_set and value else value))
    return values


def book(path: Path, sheets: dict[str, list[list[Any]]]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, lines in sheets.items():
        page = made.create_sheet(name)
        for values in lines:
            page.append(values)
    made.save(path)
    return made


def test_old_binary_workbook(tmp_path: Path) -> None:
    made = xlwt.Workbook()
    page = made.add_sheet("学生信息")
    lines = [ON_MAIN, line(1), line(3), line(5, class_code=None)]
    for row, values in enumerate(lines):
        for column, value in enumerate(values):
            page.write(row, column, value)
    made.save(tmp_path / "a.xls")
    result, rows = load(tmp_path / "a.xls", tmp_path)
    assert said(result) == []
    assert [(row["row_number"], row["name"], row["id_number"]) for row in rows] == [
        (2, "王小明", pupil(1)["id_number"]),
        (3, "王小明", pupil(3)["id_number"]),
        (4, "王小明", pupil(5)["id_number"]),
    ]


def test_dates_errors_merges_and_hidden_rows_of_an_old_workbook(tmp_path: Path) -> None:
    made = xlwt.Workbook()
    page = made.add_sheet("学生信息")
    birth, class_code, seat = (NAMES.index(name) for name in ("birth_date", "class_code", "seat_no"))
    for row, values in enumerate([ON_MAIN, line(1), line(3), line(5)]):
        for column, value in enumerate(values):
            if row and column in (birth, class_code, seat):
                continue
            page.write(row, column, value)
    for row in (1, 2, 3):
        page.write(row, birth, datetime.date(2012, 9, 4 + row), xlwt.easyxf(num_format_str="yyyy-mm-dd"))
    page.write(1, seat, 7.0)
    page.row(2).set_cell_error(seat, "#REF!")
    page.write_merge(1, 3, class_code, class_code, "1601")
    page.row(2).hidden = True
    made.save(tmp_path / "wps.et")
    result, rows = load(tmp_path / "wps.et", tmp_path)
    assert [(row["birth_date"], row["class_code"], row["seat_no"]) for row in rows] == [
        ("2012-09-05", "1601", "7"),
        ("2012-09-06", "1601", "#REF!"),
        ("2012-09-07", "1601", None),
    ]
    assert said(result) == [
        ("suffix_wrong", None, None, None),
        ("merged_body_filled", "class_code", None, None),
        ("hidden_row_read", None, "学生信息", 3),
    ]


def old_text_document(path: Path) -> None:
    """Write an old compound file whose one stream is a text: that of a workbook under the other name."""
    made = xlwt.Workbook()
    made.add_sheet("a").write(0, 0, "x")
    made.save(path)
    content = bytearray(path.read_bytes())
    at = content.index("Workbook".encode("utf-16-le"))
    name = "WordDocument".encode("utf-16-le")
    # MS-CFB 2.6.1: 64 bytes of name, then its length with the closing zero.
    content[at : at + 66] = name.ljust(64, b"\0") + (len(name) + 2).to_bytes(2, "little")
    path.write_bytes(content)


def new_text_document(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("word/document.xml", "<document>学籍表</document>")


@pytest.mark.parametrize("make", [old_text_document, new_text_document])
@pytest.mark.parametrize("suffix", [".wps", ".et", ".doc"])
def test_a_text_document_is_refused_with_what_to_do(edu_home: Home, tmp_path: Path, make: Any, suffix: str) -> None:
    make(tmp_path / f"名册{suffix}")
    with pytest.raises(RejectedFileError) as caught:
        load(tmp_path / f"名册{suffix}", tmp_path)
    assert caught.value.reason_code == "text_document"
    options = Options(dataset="student", org="421002", period="2024-2025/1")
    [receipt] = collect([tmp_path / f"名册{suffix}"], home=edu_home, options=options).receipts
    assert (receipt.status, receipt.rows_accepted) == ("rejected", 0)
    found = duckdb.execute(f"select message_zh from read_parquet('{edu_home.runs}/finding/*.parquet')").fetchall()
    assert found == [("文件是文字文档（如 .wps、.doc、.docx）而不是表格，未接收。",)]


@pytest.mark.parametrize("suffix", [".et", ".wps"])
def test_a_workbook_of_wps_is_read_whatever_its_kind(tmp_path: Path, suffix: str) -> None:
    lines = [ON_MAIN, line(1), line(3)]
    book(tmp_path / f"new{suffix}.xlsx", {"学生信息": lines})
    (tmp_path / f"new{suffix}.xlsx").rename(tmp_path / f"new{suffix}")
    old = xlwt.Workbook()
    page = old.add_sheet("学生信息")
    for row, values in enumerate(lines):
        for column, value in enumerate(values):
            page.write(row, column, value)
    old.save(tmp_path / f"old{suffix}")
    for name in ("new", "old"):
        result, rows = load(tmp_path / f"{name}{suffix}", tmp_path)
        assert said(result) == [("suffix_wrong", None, None, None)]
        assert [row["id_number"] for row in rows] == [pupil(1)["id_number"], pupil(3)["id_number"]]


def test_html_table_named_xls(tmp_path: Path) -> None:
    names = "".join(f"<th>{name}</th>" for name in ON_MAIN)
    school = NAMES.index("school_code")
    cells = ["" if value is None else str(value) for value in line(1, address="江津路<br>1&nbsp;号&amp;甲")]
    first = "".join(f"<td rowspan=2>{v}</td>" if i == school else f"<td>{v}</td>" for i, v in enumerate(cells))
    second = "".join(f"<td>{'' if v is None else v}</td>" for i, v in enumerate(line(3)) if i != school)
    page = (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"></head><body><table>'
        f"<tr><td colspan={len(ON_MAIN)}>荆州市2024年学生</td></tr>"
        f"<tr>{names}</tr><tr>{first}</tr><tr>{second}</tr></table></body></html>"
    )
    path = tmp_path / "导出.xls"
    path.write_bytes(page.encode("gb18030"))
    result, rows = load(path, tmp_path)
    assert [(row["row_number"], row["school_code"], row["name"]) for row in rows] == [
        (3, "2142000001", "王小明"),
        (4, "2142000001", "王小明"),
    ]
    assert rows[0]["address"] == "江津路\n1 号&甲"
    assert [note[0] for note in said(result)] == [
        "html_as_workbook",
        "encoding_gb18030",
        "extra_rows_dropped",
        "merged_body_filled",
    ]


ASIDES = {
    "comment": "<!-- <html><table> " + "x -" * 5_000 + " -->",
    "white space": " \r\n\t" * 30_000,
    "two of them": "<!--" + "y" * 65_529 + "-->\n<?mso-application progid='Excel.Sheet'?>" + "\n" * 70_000,
}


@pytest.mark.parametrize("aside", ASIDES.values(), ids=ASIDES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_xml_workbook_is_told_by_its_root_wherever_that_stands(tmp_path: Path, aside: str, encoding: str) -> None:
    cells = ["".join(f"<Cell><Data>{html.escape(str(c or ''))}</Data></Cell>" for c in r) for r in (ON_MAIN, line(1))]
    names = " ".join(f'xmlns:n{number}="urn:x:{number}"' for number in range(900))
    content = (
        f'<?xml version="1.0"?>\n{aside}<ss:Workbook {names} xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="学生信息"><Table>'
        + "".join(f"<Row>{row}</Row>" for row in cells)
        + "</Table></Worksheet></ss:Workbook>"
    )
    path = tmp_path / "导出.xls"
    path.write_bytes(content.encode(encoding))
    assert path.read_bytes().find("office:spreadsheet".encode(encoding.replace("16", "16-le"))) > 8192
    result, rows = load(path, tmp_path)
    assert [(row["row_number"], row["name"]) for row in rows] == [(2, "王小明")]
    assert [note[0] for note in said(result)] == ["html_as_workbook"]


def test_other_xml_is_refused_however_long_its_beginning(tmp_path: Path) -> None:
    """What only speaks of the namespace, or never gets to a root, is no workbook; no more than a piece of it is held."""
    path = tmp_path / "x.xls"
    name = "urn:schemas-microsoft-com:office:spreadsheet"
    for content in (
        f"<!--{'x' * 9000}--><note>{name}</note>",
        f"<!--{'x' * 9000}{name}",
        "<?xml version='1.0'?>" + " " * 9000,
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(RejectedFileError) as caught:
            sniff.kind_of(path)
        assert caught.value.reason_code == "format_unknown"
    with path.open("wb") as out:
        out.write(b"<!--")
        for _ in range(64):
            out.write(b"-" * (1 << 20))
    tracemalloc.start()
    with pytest.raises(RejectedFileError):
        sniff.kind_of(path)
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
    tracemalloc.stop()


def test_an_html_table_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    lines = ["".join(f"<td>{'' if v is None else v}</td>" for v in row) for row in (ON_MAIN, line(1), line(3))]
    page = f"<html><body><table>{''.join(f'<tr>{cells}</tr>' for cells in lines)}</table></body></html>"
    path = tmp_path / "导出.xls"
    path.write_text(page, encoding="utf-8")
    assert len(load(path, tmp_path)[1]) == 2
    for end in (len("</table></body></html>"), 120):
        path.write_text(page[:-end], encoding="utf-8")
        with pytest.raises(RejectedFileError) as caught:
            load(path, tmp_path)
        assert caught.value.reason_code == "file_unreadable"


@pytest.mark.parametrize(
    "beside",
    [
        "<script>var t='<table>';</script>",
        "<!-- <table border=0> -->",
        "<!--[if gte mso 9]><table ><![endif]-->",
        "<style>/* <table > */</style>",
        "<p title='a <table> b'></p>",
        "</table>",
    ],
)
def test_what_is_no_table_cuts_none_off(tmp_path: Path, beside: str) -> None:
    rows_ = ["".join(f"<td>{v or ''}</td>" for v in row) for row in (ON_MAIN, line(1))]
    page = f"<html>{beside}<table>{''.join(f'<tr>{row}</tr>' for row in rows_)}</table></html>"
    path = tmp_path / "导出.xls"
    path.write_text(page, encoding="utf-8")
    assert len(load(path, tmp_path)[1]) == 1
    path.write_text(page.removesuffix("</table></html>"), encoding="utf-8")
    with pytest.raises(RejectedFileError):
        load(path, tmp_path)


@pytest.mark.parametrize("opening", ["<a", '<a b="x" ', "<table \"<table '", "</script ", "<td a=' b=\" ", "<a b=c"])
def test_tags_that_never_end_cost_no_more_than_their_length(opening: str) -> None:
    """Each was looked at to the end of the page, from each: 20,000 of them took a minute and more."""
    started = time.process_time()
    markup._is_within_table(opening * 20_000)
    assert time.process_time() - started < 5


def test_quotes_in_a_tag_hide_its_end_only_where_they_hold_a_value(tmp_path: Path) -> None:
    cells = "".join(f"<td title='it's'>{v or ''}</td>" for v in line(1))
    names = "".join(f'<td "x" y = "a>b">{name}</td>' for name in ON_MAIN)
    path = tmp_path / "导出.xls"
    path.write_text(f"<html><table><tr>{names}</tr><tr>{cells}</tr></table></html>", encoding="utf-8")
    assert len(load(path, tmp_path)[1]) == 1


@pytest.mark.parametrize("body", ["<tr><td colspan=1000 rowspan=2>", "<tr><td rowspan=60000 colspan=1000><tr><td>x"])
def test_cells_that_cover_more_than_a_page_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(markup, "CELLS_MAXIMUM", 20_000)
    path = tmp_path / "导出.xls"
    path.write_text(f"<html><table>{body * 50}</table></html>", encoding="utf-8")
    with pytest.raises(RejectedFileError) as caught:
        markup.html_sheets(path)
    assert caught.value.reason_code == "file_too_large"


def test_digits_that_html_keeps_as_text_are_digits(tmp_path: Path) -> None:
    school = NAMES.index("school_code")
    cells = [f'="{v}"' if i == school else v or "" for i, v in enumerate(line(1))]
    rows_ = ["".join(f"<td>{html.escape(str(v))}</td>" for v in row) for row in (ON_MAIN, cells)]
    path = tmp_path / "导出.xls"
    path.write_text(f"<table>{''.join(f'<tr>{row}</tr>' for row in rows_)}</table>", encoding="utf-8")
    assert [row["school_code"] for row in load(path, tmp_path)[1]] == ["2142000001"]


def test_spreadsheetml_2003(tmp_path: Path) -> None:
    def row(values: list[Any], marks: str = "") -> str:
        cells = "".join(f'<Cell><Data ss:Type="String">{value or ""}</Data></Cell>' for value in values)
        return f"<Row{marks}>{cells}</Row>"

    seat = NAMES.index("seat_no")
    body = row(line(1), ' ss:Index="3" ss:Hidden="1"').replace(
        f'<Data ss:Type="String">{line(1)[seat]}</Data>', '<Data ss:Type="Number">7</Data>', 1
    )
    path = tmp_path / "b.xls"
    path.write_text(
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="学生信息"><Table>'
        f"{row(ON_MAIN)}{body}</Table></Worksheet></Workbook>",
        encoding="utf-8",
    )
    result, rows = load(path, tmp_path)
    assert [(row["row_number"], row["name"]) for row in rows] == [(3, "王小明")]
    assert said(result) == [
        ("html_as_workbook", None, None, None),
        ("hidden_row_read", None, "学生信息", 3),
    ]


def test_merged_cells_are_filled_within_the_merge_only(tmp_path: Path) -> None:
    lines = [ON_MAIN, line(1), line(3, class_code=None), line(5, class_code=None), line(7, class_code=None)]
    made = book(tmp_path / "m.xlsx", {"学生信息": lines})
    letter = xlsx.column_letters(NAMES.index("class_code"))
    made["学生信息"].merge_cells(f"{letter}2:{letter}4")
    made.save(tmp_path / "m.xlsx")
    result, rows = load(tmp_path / "m.xlsx", tmp_path)
    assert [row["class_code"] for row in rows] == ["1601", "1601", "1601", None]
    assert said(result) == [("merged_body_filled", "class_code", None, None)]


def test_one_sheet_a_class(tmp_path: Path) -> None:
    book(
        tmp_path / "c.xlsx",
        {
            "1601班": [ON_MAIN, line(1)],
            "1602班": [["标题"], ON_MAIN, line(3)],
            "联系人": [["电话", "办公室"], ["1", "2"]],
        },
    )
    result, rows = load(tmp_path / "c.xlsx", tmp_path)
    assert [(row["sheet"], row["row_number"]) for row in rows] == [("1601班", 2), ("1602班", 3)]
    assert said(result) == [("extra_rows_dropped", None, None, None), ("sheet_ignored", None, "联系人", None)]
    assert result.rows_dropped == 1


def test_hidden_sheets_and_rows(tmp_path: Path) -> None:
    made = book(
        tmp_path / "h.xlsx",
        {"甲": [ON_MAIN, line(1), line(3)], "旧": [ON_MAIN, line(5)], "选项": [["男"], ["女"]]},
    )
    made["旧"].sheet_state = "veryHidden"
    made["选项"].sheet_state = "hidden"
    made["甲"].row_dimensions[3].hidden = True
    made.save(tmp_path / "h.xlsx")
    result, rows = load(tmp_path / "h.xlsx", tmp_path)
    assert [row["row_number"] for row in rows] == [2, 3]
    assert said(result) == [("hidden_row_read", None, "甲", 3), ("hidden_sheet_ignored", None, "旧", None)]


@pytest.mark.parametrize("is_1904", [False, True])
def test_cells_as_a_person_sees_them(tmp_path: Path, is_1904: bool) -> None:
    path = tmp_path / "d.xlsx"
    made = xlsxwriter.Workbook(path, {"date_1904": is_1904})
    page = made.add_worksheet("学生信息")
    page.write_row(0, 0, ON_MAIN)
    values: dict[str, tuple[Any, str | None, str | None]] = {
        "birth_date": (datetime.date(2012, 9, 5), 'yyyy"年"m"月"d"日"', "2012-09-05"),
        "entry_ym": (datetime.datetime(2018, 9, 1, 7, 30, 5), "yyyy-mm-dd hh:mm:ss", "2018-09-01 07:30:05"),
        "class_code": (0.5, "h:mm", "12:00:00"),
        "seat_no": (0.1 + 0.2, None, "0.3"),
        "id_number": (421002201209012014, None, "4.21002201209012E+17"),
        "name": (True, None, "TRUE"),
        "phone": (13800000001, "[Red]0", "13800000001"),
        "address": ("a<b>&\"'\n中_x000D_文", None, "a<b>&\"'\n中_x000D_文"),
        "guardian_name": (1.5, "[h]:mm:ss", "36:00:00"),
    }
    for name, (value, code, _) in values.items():
        style = made.add_format({"num_format": code}) if code else None
        column = NAMES.index(name)
        if isinstance(value, datetime.date):
            page.write_datetime(1, column, value, style)
        else:
            page.write(1, column, value, style)
    page.write_formula(1, NAMES.index("xjh"), "=1/0", None, "#DIV/0!")
    page.write_rich_string(1, NAMES.index("guardian_phone"), made.add_format({"bold": True}), "139", "0000", " 0001")
    made.close()
    _, rows = load(path, tmp_path)
    assert {name: rows[0][name] for name in values} == {name: shown for name, (_, _, shown) in values.items()}
    assert rows[0]["xjh"] == "#DIV/0!"
    assert rows[0]["guardian_phone"] == "1390000 0001"


def test_days_that_never_were(tmp_path: Path) -> None:
    path = tmp_path / "z.xlsx"
    made = xlsxwriter.Workbook(path)
    page = made.add_worksheet("学生信息")
    page.write_row(0, 0, ON_MAIN)
    day = made.add_format({"num_format": "yyyy-mm-dd"})
    for row, serial in enumerate((0, 1, 59, 60, 61), start=1):
        page.write_row(row, 0, line(row))
        page.write_number(row, NAMES.index("birth_date"), serial, day)
    made.close()
    _, rows = load(path, tmp_path)
    assert [row["birth_date"] for row in rows] == ["1900-01-00", "1900-01-01", "1900-02-28", "1900-02-29", "1900-03-01"]


def test_cells_equal_those_of_another_reader_whatever_the_size_of_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same workbook in one piece, in many, and by openpyxl: text, numbers, dates, errors, gaps."""
    path = tmp_path / "p.xlsx"
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = "学生信息"
    page.append(ON_MAIN)
    for serial in range(1, 400):
        page.append(
            line(serial, birth_date=datetime.date(2012, 9, serial % 28 + 1), seat_no=serial, address=f"路&{serial}号")
        )
    page["B7"] = "#N/A"
    made.save(path)
    seen = []
    for size in (8 << 20, 5_000):
        monkeypatch.setattr(xlsx, "PIECE_BYTES", size)
        seen.append(load(path, tmp_path)[1])
    assert seen[0] == seen[1]
    other = openpyxl.load_workbook(path, read_only=True)["学生信息"]
    for mine, theirs in zip(seen[0], other.iter_rows(min_row=2, values_only=True), strict=True):
        shown = [
            v.date().isoformat() if isinstance(v, datetime.datetime) else None if v is None else str(v) for v in theirs
        ]
        assert [mine[name] for name in NAMES] == shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'<c r="', b"<c r='"),
        (b"<sheetData>", b"<!-- <c --><sheetData>"),
        (b"<row ", b"<row\n "),
    ],
)
def test_unusual_spellings_of_xml(tmp_path: Path, old: bytes, new: bytes) -> None:
    book(tmp_path / "a.xlsx", {"学生信息": [ON_MAIN, line(1), line(3)]})
    expected = load(tmp_path / "a.xlsx", tmp_path)[1]

    def change(part: bytes) -> bytes:
        if new.endswith(b"'"):
            return re.sub(rb'<c r="([A-Z0-9]+)"', rb"<c r='\1'", part)
        return part.replace(old, new)

    rewrite(tmp_path / "a.xlsx", tmp_path / "b.xlsx", "xl/worksheets/sheet1.xml", change)
    assert load(tmp_path / "b.xlsx", tmp_path)[1] == expected


@pytest.mark.parametrize("is_prefixed", [True, False])
def test_shared_texts_in_an_unusual_spelling(tmp_path: Path, is_prefixed: bool) -> None:
    """With a prefix as the Open XML SDK writes them, or some of them with an attribute."""
    made = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    page = made.add_worksheet("学生信息")
    for number, values in enumerate([ON_MAIN, line(1), line(3)]):
        page.write_row(number, 0, values)
    made.close()
    expected = load(tmp_path / "a.xlsx", tmp_path)[1]
    assert len(expected) == 2

    def change(part: bytes) -> bytes:
        if is_prefixed:
            return re.sub(rb"<(/?)(sst|si|t)\b", rb"<\1x:\2", part).replace(b"xmlns=", b"xmlns:x=")
        return part.replace(b"<si>", b'<si xml:space="preserve">', 3)

    rewrite(tmp_path / "a.xlsx", tmp_path / "b.xlsx", "xl/sharedStrings.xml", change)
    assert load(tmp_path / "b.xlsx", tmp_path)[1] == expected


def test_a_cell_without_a_place_is_seen_wherever_a_piece_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was read ended within its tag, it was left out."""
    number = {NAMES[-1]: 13900000001}
    book(tmp_path / "a.xlsx", {"学生信息": [ON_MAIN, line(1, **number), line(3, **number)]})
    whole = load(tmp_path / "a.xlsx", tmp_path)[1]
    assert whole[1][NAMES[-1]] == "13900000001"
    rewrite(
        tmp_path / "a.xlsx",
        tmp_path / "b.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda part: re.sub(rb'(.*)<c r="[A-Z]+3"[^>]*>', rb"\1<c>", part, flags=re.DOTALL),
    )
    assert load(tmp_path / "b.xlsx", tmp_path)[1] == whole
    place = zipfile.ZipFile(tmp_path / "b.xlsx").read("xl/worksheets/sheet1.xml").index(b"<c>")
    for size in range(place - 2, place + 4):
        monkeypatch.setattr(xlsx, "PIECE_BYTES", size)
        try:
            found = load(tmp_path / "b.xlsx", tmp_path)[1]
        except RejectedFileError:
            continue
        assert found == whole


@pytest.mark.parametrize("size", [4 << 20, 1 << 9])
def test_two_rows_of_one_number_are_not_read_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    book(tmp_path / "a.xlsx", {"学生信息": [ON_MAIN, *(line(n) for n in range(1, 9))]})
    monkeypatch.setattr(xlsx, "PIECE_BYTES", size)
    assert len(load(tmp_path / "a.xlsx", tmp_path)[1]) == 8
    for number in (5, 8):

        def change(part: bytes, number: int = number) -> bytes:
            moved = re.sub(rb'<row r="%d"' % number, rb'<row r="3"', part)
            return re.sub(rb'<c r="([A-Z]+)%d"' % number, rb'<c r="\g<1>3"', moved)

        rewrite(tmp_path / "a.xlsx", tmp_path / "b.xlsx", "xl/worksheets/sheet1.xml", change)
        with pytest.raises(RejectedFileError) as caught:
            load(tmp_path / "b.xlsx", tmp_path)
        assert (caught.value.reason_code, caught.value.row_number) == ("file_unreadable", 3)


def test_dates_of_a_strict_workbook_are_texts(tmp_path: Path) -> None:
    values = {"birth_date": "2012-09-05T00:00:00.000Z", "entry_ym": "2018-09-01T07:30:05", "address": "2018-09-01"}
    book(tmp_path / "a.xlsx", {"学生信息": [ON_MAIN, line(1, **dict.fromkeys(values, "x"))]})

    def change(part: bytes) -> bytes:
        for name, value in values.items():
            place = f'<c r="{xlsx.column_letters(NAMES.index(name))}2"'.encode()
            part = re.sub(place + rb"[^>]*>.*?</c>", place + b' t="d"><v>' + value.encode() + b"</v></c>", part)
        return part

    rewrite(tmp_path / "a.xlsx", tmp_path / "b.xlsx", "xl/worksheets/sheet1.xml", change)
    [row] = load(tmp_path / "b.xlsx", tmp_path)[1]
    assert [row[name] for name in values] == ["2012-09-05", "2018-09-01 07:30:05", "2018-09-01"]


def test_cells_and_rows_without_a_place(tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx", {"学生信息": [ON_MAIN, ["x" if v is None else v for v in line(1)]]})
    expected = load(tmp_path / "a.xlsx", tmp_path)[1]
    rewrite(
        tmp_path / "a.xlsx",
        tmp_path / "b.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda part: re.sub(rb' r="[A-Z]*\d+"', b"", part),
    )
    assert load(tmp_path / "b.xlsx", tmp_path)[1] == expected


def rewrite(source: Path, target: Path, part: str, change: Any) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == part else content)


def encrypted(path: Path, password: str, **changes: Any) -> Path:
    plain = io.BytesIO()
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = "学生信息"
    page.append(ON_MAIN)
    page.append(line(1, **changes))
    made.save(plain)
    with path.open("wb") as out:
        msoffcrypto.format.ooxml.OOXMLFile(plain).encrypt(password, out)
    return path


def test_a_workbook_with_a_password(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "e.xlsx", "口令-1")
    for password, code in ((None, "workbook_encrypted"), ("别的", "password_wrong")):
        with pytest.raises(RejectedFileError) as caught:
            load(path, tmp_path, password)
        assert caught.value.reason_code == code
    assert load(path, tmp_path, "口令-1")[1][0]["name"] == "王小明"
    assert peek_title(discover(path)[0]) is None
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_workbook_is_protected_until_its_password_record_is_blanked() -> None:
    """An opened .xls holds noughts of the length of that record, which need be no multiple of a record's head."""
    begin = struct.pack("<HH", 0x0809, 16) + bytes(16)
    rest = struct.pack("<HH", 0x00E1, 2) + bytes(2) + struct.pack("<HH", 0x002F, 4) + bytes(4)
    assert has_password_record(begin + struct.pack("<HH", 0x002F, 54) + b"\x11" * 54 + rest)
    assert not has_password_record(begin + bytes(4 + 54) + rest)
    assert not has_password_record(begin + struct.pack("<HH", 0x00E1, 2) + bytes(2))


def test_the_password_is_kept_nowhere(edu_home: Home, tmp_path: Path) -> None:
    password = "qZ7-unmistakable-password"
    path = encrypted(tmp_path / "e.xlsx", password)
    sidecar = tmp_path / "e.xlsx.meta.json"
    sidecar.write_text(json.dumps({"password": password}), encoding="utf-8")
    options = Options(dataset="student", org="421002", period="2024-2025/1")
    result = collect([path], home=edu_home, options=options)
    assert [(receipt.status, receipt.rows_accepted) for receipt in result.receipts] == [("accepted", 1)]
    kept = [item for item in edu_home.root.rglob("*") if item.is_file() and password.encode() in item.read_bytes()]
    assert kept == []
    assert password not in result.to_json() + repr(Options(password=password))


@pytest.mark.parametrize("name", ["e.xlsx", "e.xls"])
def test_a_workbook_with_a_password_is_replayed_without_it(edu_home: Home, tmp_path: Path, name: str) -> None:
    path = encrypted(tmp_path / name, "口令-1")
    original = path.read_bytes()
    options = Options(dataset="student", org="421002", period="2024-2025/1", password="口令-1")
    [receipt] = collect([path], home=edu_home, options=options).receipts
    assert (receipt.status, receipt.rows_accepted) == ("accepted", 1)
    done = verify(edu_home)
    assert (done.submissions, done.differing) == (1, [])
    # The bytes that came are archived too, as they came.
    archived = tmp_path / "archived"
    restore(edu_home, load_key(edu_home), hashlib.sha256(original).hexdigest(), archived)
    assert archived.read_bytes() == original
    kept = [item for item in edu_home.root.rglob("*") if item.is_file() and b"xl/worksheets" in item.read_bytes()]
    assert kept == []


def test_a_workbook_with_a_password_is_answered_in_its_own_layout(edu_home: Home, tmp_path: Path) -> None:
    """The clerk gets back his sheet with the cell marked, at landing and out of the archive; what he mends supersedes."""
    path = tmp_path / "e.xlsx"
    content = encrypted(path, "口令-1", sex_code="").read_bytes()
    options = Options(dataset="student", org="421002", period="2024-2025/1", password="口令-1")
    [first] = collect([path], home=edu_home, options=options).receipts
    assert (first.status, first.rows_accepted, first.rows_incomplete) == ("accepted", 1, 1)
    identity = str(first.submission_id)
    # In the row that `encrypted` writes, 性别 stands where the template has it.
    place = f"{openpyxl.utils.get_column_letter(NAMES.index('sex_code') + 1)}2"

    def check_marks(answer: Path) -> openpyxl.Workbook:
        back = openpyxl.load_workbook(answer)
        assert back.sheetnames[0] == "学生信息"
        sheet = back["学生信息"]
        assert [cell.value for cell in sheet[1]] == ON_MAIN
        assert [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment] == [place]
        assert "必填项" in sheet[place].comment.text
        assert sheet[place].fill.fill_type == "solid"
        return back

    sent = [item for item in outbox_files(edu_home, identity) if item.suffix == ".xlsx"]
    assert len(sent) == 1
    for answer in (*sent, give_feedback(edu_home, identity), give_feedback(edu_home, identity, tmp_path / "out.xlsx")):
        assert answer
        back = check_marks(answer)
    assert {item.suffix for item in outbox_files(edu_home, identity)} == {".xlsx", ".json"}
    # Nothing opened stays: neither in the folder of work nor beside what was sent.
    assert [item.name for item in edu_home.tmp.rglob("*") if item.is_file() and not item.name.endswith(".lock")] == []
    assert not list(edu_home.root.rglob("*.opened"))
    assert not list(tmp_path.glob("*.opened"))
    # A replay elsewhere answers the same from the archive that went with it.
    other = Home(tmp_path / "other")
    assert replay(edu_home, other).differing == []
    check_marks(give_feedback(other, identity) or path)
    assert not list(other.root.rglob("*.opened"))

    back["学生信息"][place].value = "男"
    back.save(tmp_path / "改好.xlsx")
    [second] = collect([tmp_path / "改好.xlsx"], home=edu_home, options=Options()).receipts
    assert (second.status, second.org, second.rows_accepted, second.rows_incomplete) == ("accepted", "421002", 1, 0)
    newest = receipts(edu_home, str(second.submission_id))[-1]
    assert (newest["coverage"], newest["period"]) == ("full", "2024-2025/1")
    # The first is in effect no longer: its bytes, sent again, are a new delivery.
    path.write_bytes(content)
    [third] = collect([path], home=edu_home, options=options).receipts
    assert third.status == "accepted"


def test_a_wrong_password_archives_the_file_as_it_came(edu_home: Home, tmp_path: Path) -> None:
    path = encrypted(tmp_path / "e.xlsx", "口令-1")
    options = Options(dataset="student", org="421002", period="2024-2025/1", password="别的")
    [receipt] = collect([path], home=edu_home, options=options).receipts
    assert (receipt.status, receipt.reason_code) == ("rejected", "password_wrong")
    assert len(list(edu_home.archive.glob("??/*.bin"))) == 1


@pytest.mark.parametrize("dated", [False, True])
def test_the_right_password_after_a_wrong_one_is_a_new_delivery(edu_home: Home, tmp_path: Path, dated: bool) -> None:
    content = encrypted(tmp_path / "made.xlsx", "口令-1").read_bytes()
    received_at = datetime.datetime(2024, 9, 5, 8) if dated else None

    def send(password: str | None) -> tuple[str, str | None]:
        path = tmp_path / "e.xlsx"
        path.write_bytes(content)
        options = Options(
            dataset="student", org="421002", period="2024-2025/1", password=password, received_at=received_at
        )
        [receipt] = collect([path], home=edu_home, options=options).receipts
        return receipt.status, receipt.reason_code

    assert send("别的") == ("rejected", "password_wrong")
    assert verify(edu_home).differing == []
    # The same bytes without a password would be refused again.
    assert send(None)[0] == "ignored"
    assert send("口令-1") == ("accepted", None)
    assert send("口令-1")[0] == send(None)[0] == "ignored"
    assert verify(edu_home).differing == []
    # Both landings stay on record, each in a batch of its own, and are mended to what they were.
    before = receipts(edu_home)
    assert [row["reason_code"] for row in before] == ["password_wrong", None]
    for path in edu_home.runs.glob("finding/b*.parquet"):
        path.unlink()
    assert mend(edu_home).landings == 2
    assert receipts(edu_home) == before


def test_a_batch_without_record_that_the_archive_lost_is_taken_as_it_is(edu_home: Home, tmp_path: Path) -> None:
    for number in (1, 3):
        made = book(tmp_path / f"{number}.xlsx", {"学生信息": [ON_MAIN, line(number)]})
        assert made
        options = Options(dataset="student", org="421002", period=f"2024-2025/{1 if number == 1 else 2}")
        collect([tmp_path / f"{number}.xlsx"], home=edu_home, options=options)
    for path in (*edu_home.runs.glob("batch_file/b*.parquet"), *edu_home.archive.glob("??/*.bin")):
        path.unlink()
    [first, _] = sorted(edu_home.lake.glob("student/*/b*.parquet"))
    duckdb.sql(f"copy (select * from '{first}' where false) to '{first}' (format parquet)")
    lost = duckdb.sql(f"select submission_id from '{edu_home.runs}/submission/{first.name}'").fetchall()[0][0]
    with pytest.raises(UnmendableError) as caught:
        mend(edu_home)
    assert caught.value.submissions == [lost]
    assert {file.batch_id for file in broken(edu_home)} == {first.stem}


def test_files_that_are_no_workbook_end_nothing_though_a_password_came_with_them(
    edu_home: Home, tmp_path: Path
) -> None:
    good = book(tmp_path / "good.xlsx", {"学生信息": [ON_MAIN, line(1)]}) and tmp_path / "good.xlsx"
    bad = [tmp_path / "empty.xlsx", tmp_path / "pdf.xlsx", tmp_path / "archive.xlsx"]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(b"%PDF-1.7\n%%EOF\n")
    with zipfile.ZipFile(bad[2], "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    options = Options(dataset="student", org="421002", period="2024-2025/1", password="口令-1")
    result = collect([*bad, good], home=edu_home, options=options)
    states = {Path(receipt.file).name: receipt.status for receipt in result.receipts}
    assert states == {"good.xlsx": "accepted"} | dict.fromkeys(("empty.xlsx", "pdf.xlsx", "archive.xlsx"), "rejected")


def test_a_workbook_whose_opened_form_is_not_archived_is_never_mended_into_a_refusal(
    edu_home: Home, tmp_path: Path
) -> None:
    options = Options(dataset="student", org="421002", period="2024-2025/1", password="口令-1")
    [receipt] = collect([encrypted(tmp_path / "e.xlsx", "口令-1")], home=edu_home, options=options).receipts
    [manifest] = edu_home.archive.glob("manifest/*.json")
    content = json.loads(manifest.read_text(encoding="utf-8"))
    del content["parts"][0]["opened_sha256"]
    manifest.write_text(json.dumps(content), encoding="utf-8")
    [rows] = edu_home.lake.glob("student/*/b*.parquet")
    rows.unlink()
    before = receipts(edu_home)
    with pytest.raises(LockedWorkbookError, match="with the password"):
        reland(edu_home, str(receipt.submission_id))
    with pytest.raises(UnmendableError, match=str(receipt.submission_id)):
        mend(edu_home)
    assert receipts(edu_home) == before
    assert [file.problem for file in broken(edu_home)] == ["is missing"]
    with pytest.raises(LakeBrokenError):
        check(edu_home)
    # A replay elsewhere goes on with the others, and says which it could not read.
    assert replay(edu_home, Home(tmp_path / "other")).differing == [receipt.submission_id]
    # Once it is withdrawn nothing of it counts, and builds go on; a past day still lacks it.
    withdraw(edu_home, str(receipt.submission_id), by="王主任", reason="须重新报送")
    check(edu_home)
    with pytest.raises(LakeBrokenError):
        check(edu_home, is_past=True)


def test_a_workbook_that_asks_for_endless_work_is_refused(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "e.xlsx", "x")
    content = path.read_bytes()
    assert content.count(b'spinCount="100000"') == 1
    path.write_bytes(
        content.replace(b'spinCount="100000"', b'spinCount="9999999"').replace(b' hashSize="64"', b'hashSize="64"', 1)
    )
    with pytest.raises(RejectedFileError) as caught:
        load(path, tmp_path, "x")
    assert caught.value.reason_code in ("file_unsafe", "file_unreadable")


def test_an_ole2_file_without_a_workbook_is_refused(tmp_path: Path) -> None:
    made = xlwt.Workbook()
    made.add_sheet("a").write(0, 0, "x")
    made.save(tmp_path / "a.xls")
    content = (tmp_path / "a.xls").read_bytes()
    path = tmp_path / "letter.wps"
    path.write_bytes(content.replace("Workbook".encode("utf-16-le"), "WordDocu".encode("utf-16-le")))
    with pytest.raises(RejectedFileError) as caught:
        load(path, tmp_path)
    assert caught.value.reason_code == "format_unknown"
