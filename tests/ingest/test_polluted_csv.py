"""Every kind of broken CSV, many of each: a row is read as it was, or named as faulty, or the file is refused.

The kinds are those of the pollution of public benchmarks of CSV readers: dialects, record ends, preambles and footers,
headers, cells too many and too few, quotes and encodings that go wrong. What must not happen is told by one rule for
all of them: no row is folded into one column, none is shifted, none goes without a word.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from edu.codes import seed_rows
from edu.contract import get_contract
from edu.errors import RejectedFileError
from ingest.inbox import discover
from ingest.readers import read

NAMES = ["code_module", "code_presentation", "id_student", "id_site", "date", "sum_click"]
FIELDS = ("code_module", "code_presentation", "learner", "site_id", "day_no", "clicks")
SEEDS = range(5)
Rows = list[list[str]]
KNOWN_REASONS = {row["reason_code"] for row in seed_rows("reason_code") if row["severity"] == "reject"}
PLAIN = ("AAA", "B-B", "中文模块", "Ünïcode")
TRICKY = ("B,B", "C;C", "d|d", 'the "best" one', "tab\there", "it's", "back\\slash", "two\nlines", "CR\rhere", "  ")


def clean_rows(draw: random.Random, rows: int = 12, *, is_tricky: bool = True) -> Rows:
    """Return valid rows; each can be told from the others by its third cell."""
    words = PLAIN + (TRICKY if is_tricky else ())
    return [
        [draw.choice(words) or "x", "2013J", str(20_000 + n), str(draw.randint(1, 99)), str(n), str(draw.randint(1, 9))]
        for n in range(rows)
    ]


def quoted(text: str, delimiter: str, quote: str = '"', escape: str | None = None) -> str:
    """Return a cell as RFC 4180 writes it, or with an escape character."""
    if not any(mark in text for mark in (delimiter, quote, "\n", "\r", "'", '"', *(escape or ""))):
        return text
    for mark in (escape, quote) if escape else (quote,):
        text = text.replace(mark, (escape or quote) + mark)
    return quote + text + quote


def lines_of(
    rows: Rows, delimiter: str = ",", quote: str = '"', escape: str | None = None, names: list[str] | None = None
) -> list[str]:
    """Return header and rows as records without their ends."""
    return [delimiter.join(quoted(cell, delimiter, quote, escape) for cell in row) for row in [names or NAMES, *rows]]


def text_of(records: list[str], end: str = "\r\n") -> str:
    return "".join(record + end for record in records)


@dataclass(frozen=True)
class Polluted:
    """A broken file: its bytes, the rows that may be lost (by their place), and whether it may be refused."""

    content: bytes
    rows: Rows
    lost: frozenset[int] = frozenset()
    may_be_refused: bool = False
    must_be_refused: bool = False
    changed: frozenset[int] = frozenset()
    """Rows that may differ, as long as they are as wide as the others: their text itself was changed."""


KINDS: dict[str, Callable[[random.Random], Polluted]] = {}
Maker = Callable[[random.Random], Polluted]


def kind(function: Maker) -> Maker:
    KINDS[function.__name__] = function
    return function


def whole(text: str, rows: Rows, encoding: str = "utf-8") -> Polluted:
    return Polluted(text.encode(encoding), rows)


# -- dialect ---------------------------------------------------------------------------------------------------------


def _dialect(delimiter: str, quote: str, escape: str | None) -> Maker:
    def make(draw: random.Random) -> Polluted:
        rows = clean_rows(draw)
        if escape:
            # Nothing but an escaped quote shows that a backslash is more than a character.
            rows[draw.randint(0, 11)][0] = 'the "best" one'
        return whole(text_of(lines_of(rows, delimiter, quote, escape)), rows)

    return make


for _delimiter in (",", ";", "\t", "|", " ", ", ", "; ", "||", "::", "\t\t", "^", "~", "\x01"):
    for _quote, _escape in (('"', None), ("'", None), ('"', "\\")):
        KINDS[f"dialect {_delimiter!r} {_quote!r} {_escape!r}"] = _dialect(_delimiter, _quote, _escape)


@kind
def everything_is_quoted(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    records = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [NAMES, *rows]]
    return whole(text_of(records), rows)


@kind
def white_space_around_cells(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, is_tricky=False)
    records = [
        ",".join(" " * draw.randint(0, 2) + cell + "\t" * draw.randint(0, 1) for cell in r) for r in [NAMES, *rows]
    ]
    return whole(text_of(records), rows)


@kind
def full_width_delimiter(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, is_tricky=False)
    return Polluted(text_of(lines_of(rows, "，")).encode(), rows, must_be_refused=True)


# -- record ends -----------------------------------------------------------------------------------------------------

for _end in ("\r", "\n", "\r\n"):
    KINDS[f"record end {_end!r}"] = lambda draw, end=_end: whole(  # type: ignore[misc]
        text_of(lines_of(rows := clean_rows(draw)), end), rows
    )
    KINDS[f"no last record end {_end!r}"] = (
        lambda draw, end=_end: whole(  # type: ignore[misc]
            text_of(lines_of(rows := clean_rows(draw)), end)[: -len(end)], rows
        )
    )


@kind
def mixed_record_ends(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    return whole("".join(record + draw.choice(("\r", "\n", "\r\n")) for record in lines_of(rows)), rows)


@kind
def blank_lines_and_blank_records(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    records = lines_of(rows)
    for _ in range(4):
        records.insert(draw.randint(1, len(records)), draw.choice(("", ",,,,,", "   ")))
    return whole(text_of(records), rows)


@kind
def a_record_end_too_few(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    records, at = lines_of(rows), draw.randint(1, 11)
    records[at : at + 2] = [records[at] + records[at + 1]]
    return Polluted(text_of(records).encode(), rows, frozenset({at - 1, at}))


@kind
def a_record_end_too_many(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, is_tricky=False)
    records, at = lines_of(rows), draw.randint(1, 12)
    cells = records[at].split(",")
    cut = draw.randint(1, 5)
    records[at] = ",".join(cells[:cut]) + "\r\n" + ",".join(cells[cut:])
    return Polluted(text_of(records).encode(), rows, frozenset({at - 1}))


# -- above, below and between ----------------------------------------------------------------------------------------


@kind
def preamble(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    above = ["在线学习情况表", '"两行的\n说明",,', "a,b;c|d,e", "sep=,", ""]
    draw.shuffle(above)
    return whole(text_of([*above[: draw.randint(1, 5)], *lines_of(rows)]), rows)


@kind
def footers(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    below = ["合计,,,,,99", "填表人：,,,,,", "填表人：王", ",,,,,", "备注：以上, 属实"]
    draw.shuffle(below)
    return whole(text_of([*lines_of(rows), *below[: draw.randint(1, 5)]]), rows)


@kind
def the_table_twice(draw: random.Random) -> Polluted:
    """Two exports one below the other: the second header is no row."""
    rows = clean_rows(draw)
    more = [[cell if at != 2 else str(30_000 + n) for at, cell in enumerate(row)] for n, row in enumerate(rows)]
    return whole(text_of([*lines_of(rows), *lines_of(more)]), [*rows, *more])


@kind
def another_table_below(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, 20)
    below = ["", "site,name", "1,论坛", "2,测验", "3,页面"]
    return Polluted(text_of([*lines_of(rows), *below]).encode(), rows)


@kind
def comments_between(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    records = lines_of(rows)
    for _ in range(3):
        records.insert(draw.randint(1, len(records)), "# 第二批, 补报")
    return whole(text_of(records), rows)


# -- header ----------------------------------------------------------------------------------------------------------


@kind
def no_header(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    return Polluted(text_of(lines_of(rows)[1:]).encode(), rows, must_be_refused=True)


@kind
def an_empty_header_cell(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    names = list(NAMES)
    names[draw.randint(0, 5)] = ""
    return Polluted(text_of(lines_of(rows, names=names)).encode(), rows, must_be_refused=True)


@kind
def a_header_cell_too_few(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    names = list(NAMES)
    del names[draw.randint(0, 5)]
    return Polluted(text_of(lines_of(rows, names=names)).encode(), rows, must_be_refused=True)


@kind
def a_header_cell_too_many(draw: random.Random) -> Polluted:
    """Every row is one cell short of its header: which cell is missing nobody can say."""
    rows = clean_rows(draw)
    names = list(NAMES)
    names.insert(draw.randint(0, 5), "备用")
    return Polluted(text_of(lines_of(rows, names=names)).encode(), rows, must_be_refused=True)


@kind
def two_header_cells_of_one_name(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    names = list(NAMES)
    names[draw.randint(0, 2)] = names[draw.randint(3, 5)]
    return Polluted(text_of(lines_of(rows, names=names)).encode(), rows, must_be_refused=True)


@kind
def a_header_of_two_rows(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    return whole(text_of(["课程,,学习,,,", *lines_of(rows)]), rows)


@kind
def header_only(draw: random.Random) -> Polluted:
    return Polluted(text_of(lines_of([])).encode(), [], may_be_refused=True)


@kind
def one_row(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, 1)
    return whole(text_of(lines_of(rows)), rows)


# -- cells -----------------------------------------------------------------------------------------------------------


def _in_one_row(change: Callable[[random.Random, list[str]], str]) -> Maker:
    def make(draw: random.Random) -> Polluted:
        rows = clean_rows(draw)
        at = draw.randint(0, 11)
        rows[at][0] = draw.choice(PLAIN)
        records = lines_of(rows)
        records[at + 1] = change(draw, list(rows[at]))
        return Polluted(text_of(records).encode(), rows, frozenset({at}))

    return make


def _less(draw: random.Random, cells: list[str]) -> str:
    del cells[draw.randint(0, 5)]
    return ",".join(cells)


def _more(draw: random.Random, cells: list[str]) -> str:
    cells.insert(draw.randint(0, 6), draw.choice(("", "x", "7")))
    return ",".join(cells)


def _much_more(draw: random.Random, cells: list[str]) -> str:
    return ",".join([*cells, *cells[: draw.randint(1, 5)]])


def _other_delimiter(draw: random.Random, cells: list[str]) -> str:
    return draw.choice((";", "\t", "|", " ", "，")).join(cells)


def _open_quote(draw: random.Random, cells: list[str]) -> str:
    at = draw.randint(0, 5)
    cells[at] = '"' + cells[at]
    return ",".join(cells)


def _closing_quote(draw: random.Random, cells: list[str]) -> str:
    """A quote that nothing opened stands inside the cell; the row is as wide as before."""
    cells[0] = cells[0] + '"'
    return ",".join(cells)


def _quote_in_quotes(draw: random.Random, cells: list[str]) -> str:
    cells[0] = f'"{cells[0]} "best" one"'
    return ",".join(cells)


def _text_after_quote(draw: random.Random, cells: list[str]) -> str:
    cells[draw.randint(0, 5)] = '"a"b'
    return ",".join(cells)


for _name, _change in (
    ("a cell too few", _less),
    ("a cell too many", _more),
    ("cells of half a row more", _much_more),
    ("one row in another delimiter", _other_delimiter),
    ("a quote that is never closed", _open_quote),
    ("quotes inside a quoted cell", _quote_in_quotes),
    ("text after a closing quote", _text_after_quote),
):
    KINDS[_name] = _in_one_row(_change)


@kind
def a_quote_inside_an_unquoted_cell(draw: random.Random) -> Polluted:
    """5" is text; nothing but the cell itself may differ."""
    made = _in_one_row(_closing_quote)(draw)
    return Polluted(made.content, made.rows, changed=made.lost)


@kind
def a_quote_opened_in_one_row_and_closed_in_another(draw: random.Random) -> Polluted:
    """All between is one cell by the letter of the form, and the record with it as wide as any."""
    rows = clean_rows(draw, is_tricky=False)
    opened, closed = sorted(draw.sample(range(12), 2))
    column = draw.choice((0, 1, 3, 5))
    records = lines_of(rows)
    cells = list(rows[opened])
    cells[column] = '"' + cells[column]
    records[opened + 1] = ",".join(cells)
    rows[closed][column] += '"'
    records[closed + 1] = ",".join(rows[closed])
    return Polluted(text_of(records).encode(), rows, lost=frozenset({opened, closed}))


@kind
def an_open_quote_in_the_last_row(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    text = text_of(lines_of(rows))
    at = text.rindex("2013J")
    return Polluted((text[:at] + '"' + text[at:]).encode(), rows, frozenset({11}))


@kind
def blank_cells_at_the_end(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    records = lines_of(rows)
    return whole(text_of([records[0], *(record + "," * draw.randint(0, 3) for record in records[1:])]), rows)


@kind
def half_the_rows_in_another_dialect(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    other = lines_of(rows, ";")
    return Polluted(
        text_of([*lines_of(rows)[:8], *other[8:]]).encode(), rows, frozenset(range(7, 12)), may_be_refused=True
    )


@kind
def a_file_cut_off(draw: random.Random) -> Polluted:
    rows = clean_rows(draw, is_tricky=False)
    text = text_of(lines_of(rows))
    return Polluted(text[: text.rindex("2013J") + draw.randint(0, 5)].encode(), rows, frozenset({11}))


# -- bytes -----------------------------------------------------------------------------------------------------------

for _encoding in ("utf-8-sig", "utf-16", "gb18030"):
    KINDS[f"encoding {_encoding}"] = lambda draw, encoding=_encoding: whole(  # type: ignore[misc]
        text_of(lines_of(rows := clean_rows(draw))), rows, encoding
    )


@kind
def utf16_without_a_mark(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    return Polluted(text_of(lines_of(rows)).encode("utf-16-le"), rows, must_be_refused=True)


@kind
def rows_in_two_encodings(draw: random.Random) -> Polluted:
    """Two exports in one file: some rows are UTF-8, some GB18030; every row has Chinese text."""
    rows = clean_rows(draw, is_tricky=False)
    for row in rows:
        row[1] = draw.choice(("春季学期课程", "秋季学期", "暑期班"))
    records = lines_of(rows)
    encodings = ["utf-8", "gb18030", *draw.choices(("utf-8", "gb18030"), k=len(records) - 2)]
    content = b"".join((record + "\n").encode(how) for record, how in zip(records, encodings, strict=True))
    return Polluted(content, rows)


@kind
def bytes_of_no_encoding(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    content = bytearray(text_of(lines_of(rows)).encode())
    content[content.rindex(b"2013J")] = 0xFF
    return Polluted(bytes(content), rows, must_be_refused=True)


@kind
def a_nul_byte(draw: random.Random) -> Polluted:
    rows = clean_rows(draw)
    content = bytearray(text_of(lines_of(rows)).encode())
    content[draw.randint(0, len(content) - 1)] = 0
    return Polluted(bytes(content), rows, must_be_refused=True)


# -- the rule --------------------------------------------------------------------------------------------------------


def load(folder: Path, content: bytes) -> list[tuple[str | None, ...]] | str:
    """Return fault or null, and the six fields of each row, in order; the reason where the file is refused."""
    path = folder / "r.csv"
    path.write_bytes(content)
    with duckdb.connect() as connection:
        try:
            result = read(discover(path)[0], get_contract("learning_activity_daily"), None, connection, folder, "raw")
        except RejectedFileError as error:
            return error.reason_code
        (table,) = result.tables
        assert set(table.fields) == set(FIELDS)
        fault = "row_fault" if table.has_faults else "null"
        return connection.execute(
            f"select {fault}, {', '.join(FIELDS)} from ({table.relation}) order by row_number"
        ).fetchall()


def plain(cells: list[str] | tuple[str | None, ...]) -> tuple[str, ...]:
    """Return cells as cleaning sees them: without white space around, a blank one as nothing."""
    return tuple((cell or "").strip() for cell in cells)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_is_read_as_it_was_or_found_or_the_file_is_refused(tmp_path: Path, name: str, seed: int) -> None:
    made = KINDS[name](random.Random(f"{name}/{seed}"))
    found = load(tmp_path, made.content)
    if isinstance(found, str):
        assert found in KNOWN_REASONS
        assert made.may_be_refused or made.must_be_refused, found
        return
    assert not made.must_be_refused
    good = [plain(row[1:]) for row in found if not row[0]]
    faulty = [row for row in found if row[0]]
    clean = [plain(row) for row in made.rows]
    places = {row[2]: place for place, row in enumerate(clean)}
    assert [row[2] for row in good] == [key for key in places if key in {row[2] for row in good}], "no row is made up"
    for row in good:
        place = places[row[2]]
        assert row == clean[place] or (place in made.changed and row[1:] == clean[place][1:])
    lost = set(range(len(clean))) - {places[row[2]] for row in good}
    assert lost <= made.lost
    assert not lost or faulty, "what is lost is found"


def test_every_kind_of_pollution_is_tried() -> None:
    assert len(KINDS) > 70
