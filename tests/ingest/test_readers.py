"""Readers: encodings, dialects, layouts, workbooks, Parquet; read with the right columns or refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosters import header, pupil, write_roster

from edu.contract import get_contract
from edu.errors import RejectedFileError
from ingest.inbox import discover
from ingest.protected_text import unprotected
from ingest.readers import peek_title, read
from ingest.readers.table import ReadResult

CONTRACT = get_contract("student")


def load(path: Path, tmp_path: Path, dataset: str = "student") -> tuple[ReadResult, list[tuple[object, ...]]]:
    with duckdb.connect() as connection:
        result = read(discover(path)[0], get_contract(dataset), None, connection, tmp_path, "raw")
        rows = [
            row
            for table in result.tables
            for row in connection.execute(f"select * from ({table.relation}) order by row_number").fetchall()
        ]
    return result, rows


def reasons(result: ReadResult) -> list[tuple[str, str | None]]:
    return [(note.reason_code, note.field) for note in result.notes]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", []),
        ("utf-8-sig", [("bom_removed", None)]),
        ("gb18030", [("encoding_gb18030", None)]),
        ("utf-16", []),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, expected: list[tuple[str, str | None]]) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1, name="王䶮"), pupil(3)], encoding=encoding)
    result, rows = load(path, tmp_path)
    assert reasons(result) == expected
    assert [(row[0], row[2]) for row in rows] == [(2, "王䶮"), (3, "王小明")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [pupil(1, address='路,口;1\t号|甲\n"乙"')]
    result, read_rows = load(write_roster(tmp_path / "r.csv", rows, delimiter=delimiter), tmp_path)
    assert result.profile == "national_export"
    assert rows[0]["address"] in read_rows[0]


def test_rows_around_the_table_are_dropped(tmp_path: Path) -> None:
    width = len(header())
    path = write_roster(
        tmp_path / "r.csv",
        [pupil(1), pupil(3)],
        top=[["荆州市2024年学生表"], ["填表说明"] + [""] * (width - 1)],
        bottom=[["合计", "2"], ["填表人:某某"] + [""] * (width - 1), [""] * width],
    )
    result, rows = load(path, tmp_path)
    assert reasons(result) == [("extra_rows_dropped", None)]
    # Title, note, sum and signature; the blank row is none of them.
    assert result.rows_dropped == 4
    assert [row[0] for row in rows] == [2, 3]


def test_what_pages_of_a_printed_export_repeat_is_dropped(tmp_path: Path) -> None:
    """Title, note, header, the page's number and the count of rows: dropped, counted and said once for the file."""
    title, note = ["2024年荆州市学生表"], ["单位：荆州市第一小学"]
    order = [spec.name for spec in CONTRACT.profile_fields("national_export")]
    line = [pupil(3)[name] for name in order]
    again = [f" {name}\u3000" for name in header()]
    # A pupil in whose row nothing but a like text is odd is none of that.
    odd = [{**pupil(5), "address": "共5人"}[name] for name in order]
    page_break = [["第 1 页"], title, [" 单位：荆州市第一小学", *[""] * (len(order) - 1)], again]
    path = write_roster(
        tmp_path / "r.csv", [pupil(1)], top=[title, note], bottom=[*page_break, line, *page_break, odd, ["共3人"]]
    )
    result, rows = load(path, tmp_path)
    assert reasons(result) == [("extra_rows_dropped", None)]
    # Two above, four at each of two page breaks, and the count: eleven. Rows stand where they stood below the header.
    assert result.rows_dropped == 11
    names = ["row_number", "row_fault", *order]
    assert [row[:2] for row in rows] == [(2, None), (7, None), (12, None)]
    assert [dict(zip(names, row, strict=False))["address"] for row in rows][2] == "共5人"
    # The same in a workbook.
    made = [title, note, header(), [pupil(1)[name] for name in order], *page_break, line, ["共2人"], ["", " 共 2 条"]]
    result, rows = load(workbook(tmp_path / "r.xlsx", made), tmp_path)
    assert (reasons(result), result.rows_dropped) == ([("extra_rows_dropped", None)], 2 + 4 + 2)
    assert [row[0] for row in rows] == [4, 9]


def test_a_repeated_header_of_two_rows_is_dropped_whole(tmp_path: Path) -> None:
    names = header("student", "template")
    groups = ["基本情况", None, "具体内容"] + [None] * (len(names) - 3)
    rows = [[TITLE], groups, names, body(), [TITLE], ["基本情况 ", *groups[1:]], names, body()]
    result, read_rows = load(workbook(tmp_path / "r.xlsx", rows, merge="A2:B2"), tmp_path)
    assert (sorted(reasons(result)), result.rows_dropped) == (
        [("extra_rows_dropped", None), ("merged_header", None)],
        3,
    )
    assert [row[0] for row in read_rows] == [4, 8]


def test_a_row_of_few_cells_is_no_note(tmp_path: Path) -> None:
    """What stands beside other cells, or says nothing of a count, is a row with its faults."""
    width = len(header())
    bottom = [["共5人", "2142000001"], ["共同体"], ["共5个班"], ["一小", "共5人", *[""] * (width - 2)]]
    result, rows = load(write_roster(tmp_path / "r.csv", [pupil(1), pupil(3), pupil(7)], bottom=bottom), tmp_path)
    assert (reasons(result), result.rows_dropped) == ([], 0)
    assert [(row[0], row[1]) for row in rows][3:] == [
        (5, "columns_uneven"),
        (6, "columns_uneven"),
        (7, "columns_uneven"),
        (8, None),
    ]


def protected(text: object) -> str:
    """Return a cell as Excel's exports write it: ="0716"."""
    return "" if text in (None, "") else f'="{text}"'


@pytest.mark.parametrize("is_quoted", [False, True])
def test_texts_that_excel_protects_are_read(tmp_path: Path, is_quoted: bool) -> None:
    order = [spec.name for spec in CONTRACT.profile_fields("national_export")]
    rows = [[pupil(n)[name] or "" for name in order] for n in (1, 3)]
    # Both ways of writing such a cell are about: bare, and quoted with its own quotes doubled.
    mark = (lambda cell: '"' + cell.replace('"', '""') + '"') if is_quoted else str
    lines = [",".join(mark(protected(cell)) for cell in row) for row in [header(), *rows]]
    (tmp_path / "r.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    plain, expected = load(write_roster(tmp_path / "plain.csv", [pupil(1), pupil(3)]), tmp_path)
    result, found = load(tmp_path / "r.csv", tmp_path)
    assert (result.profile, found) == (plain.profile, expected)
    filled = [name for name in order if pupil(1)[name] not in (None, "")]
    said = reasons(result)
    assert [field for reason, field in said if reason == "text_protection_removed"] == filled
    # Only the headers' own spelling is said besides.
    assert {reason for reason, _ in said} == {"text_protection_removed", "header_variant"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('="0716"', "0716"),
        ('="-0.75"', "-0.75"),
        ('="王 小明"', "王 小明"),
        ('=""', None),
        ('="=cmd()"', '="=cmd()"'),
        ('="@SUM(A1)"', '="@SUM(A1)"'),
        ('="-2+3"', '="-2+3"'),
        ('=" +A1"', '=" +A1"'),
        ('="a"&"b"', '="a"&"b"'),
        ('="a""b"', '="a""b"'),
        ("=0716", "=0716"),
        ('=HYPERLINK("x")', '=HYPERLINK("x")'),
        ('="0716" ', '="0716" '),
        ("='0716'", "='0716'"),
        ('+"0716"', '+"0716"'),
    ],
)
def test_nothing_else_that_begins_like_a_formula_changes(tmp_path: Path, cell: str, expected: str | None) -> None:
    result, rows = load(write_roster(tmp_path / "r.csv", [pupil(1, address=cell)]), tmp_path)
    order = ["row_number", *[spec.name for spec in CONTRACT.profile_fields("national_export")]]
    assert dict(zip(order, rows[0], strict=True))["address"] == expected
    assert bool(reasons(result)) == (expected != cell)
    assert unprotected(cell) == (expected or "")


def test_uneven_rows_are_faulty_rows_and_a_file_of_them_is_refused(tmp_path: Path) -> None:
    rows = [pupil(1), pupil(3, address="路\n口"), pupil(5)]
    path = write_roster(tmp_path / "r.csv", rows, bottom=[["2142000001", "只有两列"]])
    result, read_rows = load(path, tmp_path)
    assert result.tables[0].has_faults
    assert [(row[0], row[1]) for row in read_rows] == [(2, None), (3, None), (4, None), (5, "columns_uneven")]
    path = write_roster(tmp_path / "s.csv", [pupil(1)], bottom=[["2142000001", "只有两列"]] * 2)
    with pytest.raises(RejectedFileError) as caught:
        load(path, tmp_path)
    assert (caught.value.reason_code, caught.value.row_number) == ("table_uneven", 3)


def test_header_spellings(tmp_path: Path) -> None:
    names = header()
    names[names.index("姓名")] = " *姓　名\n"
    names[names.index("身份证件号")] = "身份证号"
    names[names.index("学籍号")] = "XJH"
    names[names.index("性别")] = "*性别"
    result, _ = load(write_roster(tmp_path / "r.csv", [pupil(1)], names=names), tmp_path)
    assert sorted(reasons(result)) == [
        ("header_variant", "id_number"),
        ("header_variant", "name"),
        ("header_variant", "xjh"),
    ]


def test_two_columns_for_one_field_are_refused(tmp_path: Path) -> None:
    names = header()
    names[names.index("现住址")] = "身份证号码"
    with pytest.raises(RejectedFileError) as caught:
        load(write_roster(tmp_path / "r.csv", [pupil(1)], names=names), tmp_path)
    assert (caught.value.reason_code, caught.value.field) == ("header_ambiguous", "id_number")


def workbook(path: Path, lines: list[list[object]], sheet: str = "学生信息", merge: str | None = None) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for line in lines:
        page.append(line)
    if merge:
        page.merge_cells(merge)
    book.save(path)
    return path


LABELS = {"sex_code": "男性", "grade_code": "六年级", "status_code": "在读", "boarding_code": "走读"}


def body() -> list[object]:
    from edu.codes import code_sets

    row = pupil(1)
    values: list[object] = []
    for spec in CONTRACT.profile_fields("template"):
        code_set = "SFBZ" if spec.type == "flag" else spec.code_set
        value = row[spec.name]
        values.append(code_sets()[code_set][value] if code_set and value else value)
    return values


TITLE = "荆州市学生学籍信息表（学年学期：2024-2025/1，时点：2024-09-01，填报单位：2142000001）"


def test_a_template_is_read_without_a_finding(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [[TITLE], header("student", "template"), body()])
    result, rows = load(path, tmp_path)
    assert (result.profile, reasons(result), rows[0][0]) == ("template", [], 3)
    assert peek_title(discover(path)[0]) == TITLE


def test_merged_group_labels_above_the_header(tmp_path: Path) -> None:
    names = header("student", "template")
    groups = ["基本情况", None, "具体内容"] + [None] * (len(names) - 3)
    path = workbook(tmp_path / "r.xlsx", [[TITLE], groups, names, body(), ["合计", "1"]], merge="A2:B2")
    result, rows = load(path, tmp_path)
    assert sorted(reasons(result)) == [("extra_rows_dropped", None), ("merged_header", None)]
    # The sum alone: the title is the template's own.
    assert result.rows_dropped == 1
    assert [row[0] for row in rows] == [4]


def test_cells_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    import datetime

    line = body()
    names = [spec.name for spec in CONTRACT.profile_fields("template")]
    line[names.index("birth_date")] = datetime.date(2012, 9, 5)
    line[names.index("seat_no")] = 7
    line[names.index("id_number")] = 421002201209012014
    line[names.index("class_code")] = "=#REF!"
    path = workbook(tmp_path / "r.xlsx", [header("student", "template"), line])
    content = path.read_bytes()
    assert content
    _, rows = load(path, tmp_path)
    row = dict(zip(["row_number", *names], rows[0], strict=True))
    assert row["birth_date"] == "2012-09-05"
    assert row["seat_no"] == "7"
    assert "E+17" in str(row["id_number"])


def test_parquet_with_doubles(tmp_path: Path) -> None:
    folder = tmp_path / "clicks" / "code_module=AAA" / "code_presentation=2013J"
    folder.mkdir(parents=True)
    duckdb.execute(
        "copy (select 28400.0::double as id_student, 546652.0::double as id_site, -10.0::double as date, 4.0::double as "
        f"sum_click) to '{folder / 'part-0.parquet'}' (format parquet)"
    )
    result, rows = load(tmp_path / "clicks", tmp_path, "learning_activity_daily")
    fields = dict(zip(["row_number", *result.tables[0].fields], rows[0], strict=True))
    assert fields == {
        "row_number": 2,
        "code_module": "AAA",
        "code_presentation": "2013J",
        "learner": "28400",
        "site_id": "546652",
        "day_no": "-10",
        "clicks": "4",
    }


CELLS = st.text(alphabet=st.sampled_from("ab,;\"\n\r\t |'合计"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=5), broken=st.text(alphabet='",\n x', max_size=8)
)
def test_any_csv_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], broken: str
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    names = ["code_module", "code_presentation", "id_student", "id_site", "date", "sum_click"]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(names)
    writer.writerows(rows)
    path = folder / "r.csv"
    path.write_text(stream.getvalue() + broken, encoding="utf-8", newline="")
    try:
        result, _ = load(path, folder, "learning_activity_daily")
    except RejectedFileError:
        return
    assert set(result.tables[0].fields) == {
        "code_module",
        "code_presentation",
        "learner",
        "site_id",
        "day_no",
        "clicks",
    }
