"""Broken CSV: every file is read with the right number of columns, its faulty rows named, or refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rosters import header, pupil, write_roster

from edu.contract import get_contract
from edu.errors import RejectedFileError
from edu.paths import Home
from ingest.inbox import discover
from ingest.landing import collect
from ingest.readers import read
from ingest.submission import Options

NAMES = ["code_module", "code_presentation", "id_student", "id_site", "date", "sum_click"]
FIELDS = ("code_module", "code_presentation", "learner", "site_id", "day_no", "clicks")
ROWS = [
    ["AAA", "2013J", "28400", "546652", "-10", "4"],
    ["B,B", "20'14", "1", "2", "3", "5"],
    ["C C", '1"2', "2", "3", "4", "6"],
]


def load(folder: Path, content: str | bytes) -> list[tuple[object, ...]]:
    """Return row number, fault or null, and the six fields of each row."""
    path = folder / "r.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with duckdb.connect() as connection:
        result = read(discover(path)[0], get_contract("learning_activity_daily"), None, connection, folder, "raw")
        (table,) = result.tables
        assert set(table.fields) == set(FIELDS)
        fault = "row_fault" if table.has_faults else "null"
        rows = connection.execute(
            f"select row_number, {fault}, {', '.join(FIELDS)} from ({table.relation}) order by row_number"
        ).fetchall()
    path.unlink()
    assert list(folder.iterdir()) == []
    return rows


def written(delimiter: str = ",", quote: str = '"', escape: str | None = None, end: str = "\r\n") -> str:
    """Write header and rows by hand in a dialect."""

    def cell(text: str) -> str:
        if not any(mark in text for mark in (delimiter, quote, "\n", *(escape or ""))):
            return text
        for mark in (escape, quote) if escape else (quote,):
            text = text.replace(mark, (escape or quote) + mark)
        return quote + text + quote

    return "".join(delimiter.join(map(cell, row)) + end for row in [NAMES, *ROWS])


GOOD = [(number, None, *row) for number, row in enumerate(ROWS, start=2)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", ", ", "||", "::", "^", "~"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiters_and_quotes(tmp_path: Path, delimiter: str, quote: str) -> None:
    assert load(tmp_path, written(delimiter, quote)) == GOOD


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_record_ends(tmp_path: Path, end: str) -> None:
    assert load(tmp_path, written(end=end)) == GOOD
    assert load(tmp_path, written(end=end).rstrip("\r\n")) == GOOD


def test_mixed_record_ends(tmp_path: Path) -> None:
    lines = written(end="\n").split("\n")
    assert load(tmp_path, lines[0] + "\r\n" + lines[1] + "\r" + lines[2] + "\n" + lines[3]) == GOOD


def test_escape_character(tmp_path: Path) -> None:
    assert load(tmp_path, written(escape="\\")) == GOOD


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    assert load(tmp_path, written().replace("C C", "中文").encode(encoding))[2][2] == "中文"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_character_of_number_zero_is_no_text(tmp_path: Path, encoding: str) -> None:
    """However far behind the beginning it stands, with a byte-order mark and without."""
    content = written() + "D,2014J,1,1,2,3\r\n" * 2_000 + "D,20\x0014J,1,1,2,3\r\n"
    with pytest.raises(RejectedFileError) as caught:
        load(tmp_path, content.encode(encoding))
    assert caught.value.reason_code == "format_unknown"


def test_a_quoted_header_and_preamble(tmp_path: Path) -> None:
    quoted = ",".join(f'"{name}"' for name in NAMES)
    body = written().split("\r\n", 1)[1]
    assert load(tmp_path, f"{quoted}\r\n{body}") == GOOD
    assert load(tmp_path, f'点击量\u2028表\r\n"两行\r\n说明",x\r\n{quoted}\r\n{body}') == GOOD


def test_blank_cells_beyond_the_header(tmp_path: Path) -> None:
    lines = written().rstrip().split("\r\n")
    assert load(tmp_path, "\r\n".join([lines[0], *(line + ",," for line in lines[1:])])) == GOOD
    assert load(tmp_path, "\r\n".join([lines[0] + ",,", *lines[1:]])) == GOOD


MORE = "".join(f"D,2014J,{i},1,2,3\n" for i in range(20))


@pytest.mark.parametrize(
    ("bad", "faulty"),
    [
        ("E,2014J,1,1,2\n", [5]),
        ("E,2014J,1,1,2,3,4\n", [5]),
        ('"E,2014J,1,1,2,3\n', [5]),
        ('E,2014J,"1,1,2,3\n', [5]),
        ('E,"the "best" one",1,1,2,3\n', [5]),
        ("E\n", [5]),
        ('E,2014J,1,1,2\n"F,2014J,1,1,2,3\n', [5, 6]),
    ],
)
def test_one_faulty_row_costs_that_row_only(tmp_path: Path, bad: str, faulty: list[int]) -> None:
    """A cell with a line end stands before it, so that row numbers count records, not lines."""
    start = written(end="\n").replace("AAA", '"A\nA"')
    rows = load(tmp_path, start + bad + MORE)
    assert [row[0] for row in rows] == list(range(2, 2 + len(ROWS) + len(faulty) + 20))
    assert [row[0] for row in rows if row[1]] == faulty
    assert [row[2:] for row in rows if not row[1]][3:] == [("D", "2014J", str(i), "1", "2", "3") for i in range(20)]


@pytest.mark.parametrize("quoted", ["", '"G",2014J,9,1,2,3\n'], ids=["no other quote", "a quoted cell"])
@pytest.mark.parametrize(
    ("bad", "faulty", "read"),
    [
        ('E,2014J,91,1,2,"3\nF,2014J,92,1,2,3\nF,2014J,93,1,2,3"\n', 1, ["92", "93"]),
        ('E,"2014J,91,1,2,3\nF,2014J,92,1,2,3\nF,2014J",93,1,2,3\n', 1, ["92", "93"]),
        ('E,"2014J,91,1,2,3\nF,2014J,92,1,2,3,,\nF,2014J",93,1,2,3\n', 1, ["92", "93"]),
        ('E,2014J,91,1,2,"3\nF,2014J,92,1,2,3"\n', 2, []),
        ('"E,2014J,91,1,2,3\nF",2014J,92,1,2,3\n', 2, []),
        ('E,2014J,91,1,"2,3\nF,2014J,92,1,2",3\n', 2, []),
        ('E,2014J,"91,1,2,3,,\nF",2014J,92,1,2,3,,\n', 2, []),
        ('E,2014J,"91,1,2,3\n,,",1,2,3\n', 2, []),
        (',,,,,"\nF,2014J,92,1,2,3"\n', 2, []),
        ('E,2014J,91,1,2,"3\n\nF,2014J,92,1,2,3"\n', 1, ["92"]),
        ('"E,, , , ,\n",2014J,91,1,2,3\n', 0, ["91"]),
        ('E,"一, 二\n三, 四\n五, 六",91,1,2,3\n', 0, ["91"]),
        ('E,"一, 二, 三\n四, 五, 六",91,1,2,3\n', 0, ["91"]),
        ('E,2014J,91,1,2,"3\n,,,,,\n"\n', 0, ["91"]),
        ('"E\nE","2014J\n\n",91,"1,\n",2,3\n', 0, ["91"]),
    ],
)
def test_a_cell_that_swallowed_rows_is_no_cell(
    tmp_path: Path, bad: str, faulty: int, read: list[str], quoted: str
) -> None:
    """A quote that opens in one row and closes in a later one makes one legal record of them; texts of lines do not."""
    content = ",".join(NAMES) + "\n" + quoted + MORE + bad + MORE
    rows = load(tmp_path, content)
    assert sum(row[1] is not None for row in rows) == faulty
    assert [row[4] for row in rows if not row[1] and row[2][:1] in "EF"] == read
    assert [row[4] for row in rows if not row[1] and row[2] == "D"] == 2 * [str(i) for i in range(20)]


def test_a_long_cell_is_read_whatever_its_neighbours(tmp_path: Path) -> None:
    """A cell of more characters than the record-by-record parser takes unasked, with a faulty row beside it and without."""
    long = "x" * 200_000
    content = ",".join(NAMES) + "\n" + f"E,{long},91,1,2,3\n" + MORE
    assert load(tmp_path, content)[0][3] == long
    rows = load(tmp_path, content + "F,1,2\n")
    assert rows[0][3] == long
    assert [row[0] for row in rows if row[1]] == [23]


def test_a_faulty_row_is_quarantined_and_counted(edu_home: Home, tmp_path: Path) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1), pupil(3, address="路\n口"), pupil(5)])
    cut = path.read_text().splitlines(keepends=True)
    cut.insert(2, cut[1].rsplit(",", 3)[0] + "\r\n")
    path.write_text("".join(cut), newline="")
    result = collect([path], home=edu_home, options=Options(dataset="student", org="421002", period="2024-2025/1"))
    (receipt,) = result.receipts
    assert (receipt.status, receipt.rows_read, receipt.rows_accepted) == ("partly_accepted", 4, 3)
    found = duckdb.execute(
        f"select row_number, field, reason_code, class_no, severity from read_parquet('{edu_home.runs}/finding/*.parquet')"
    ).fetchall()
    assert found == [(3, None, "columns_uneven", 49, "quarantine")]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n\n",
        ",".join(NAMES[:3]) + "\n",
        "a,b,c\n1,2,3\n",
        ",".join(NAMES) + "\n" + "x;y\n" * 9,
        "\0" + written(),
        written() + "\0",
        ",".join(NAMES) + "\n" + "x" * (5 << 20) + "\n",
        ",".join(NAMES) + "\n" + '"' + "x" * (9 << 20) + "\n",
    ],
    ids=["empty", "blank", "half a header", "another table", "no rows", "nul", "nul below", "long line", "open quote"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(RejectedFileError):
        load(tmp_path, content)


CELL = st.text(alphabet=st.sampled_from("ab中,;\"'\n\r\t |\\"), max_size=6).filter(
    lambda text: len(text) < 2 or not text[0] == text[-1] == "'"
)
"""Any text but one in apostrophes, which is read as quoted by them."""


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=6, max_size=6), min_size=1, max_size=6), delimiter=st.sampled_from(",;\t|")
)
def test_what_a_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    """Every quoting of every text, as long as each row names its module, so that none is a blank or a note.

    A text that itself stands in quotes, beside a backslash, can also be read as written with backslashes.
    """
    cells = [cell for row in rows for cell in row]
    is_quoted = any(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
    assume(not (is_quoted and any("\\" in cell for cell in cells)))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([NAMES, *(["m" + row[0], *row[1:]] for row in rows)])
    expected = [
        (number, None, "m" + row[0], *(value or None for value in row[1:])) for number, row in enumerate(rows, start=2)
    ]
    assert load(tmp_path_factory.mktemp("csv"), stream.getvalue()) == expected


@pytest.mark.parametrize(("cell", "read"), [("'a'", "a"), ("''", None), ("'a,b'", "a,b"), ("'", "'"), ("a'b", "a'b")])
def test_a_cell_in_apostrophes_is_quoted_by_them(tmp_path: Path, cell: str, read: str | None) -> None:
    content = ",".join(NAMES) + "\n" + f"m,,,,,{cell}\n"
    assert load(tmp_path, content) == [(2, None, "m", None, None, None, None, read)]


def test_the_roster_header_is_known_in_every_dialect(tmp_path: Path) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1)], delimiter="\t", names=[f"*{name}" for name in header()])
    with duckdb.connect() as connection:
        result = read(discover(path)[0], get_contract("student"), None, connection, tmp_path, "raw")
        assert len(result.tables[0].fields) == len(header())
