"""Takes a CSV file apart record by record where a fast parser would have to guess.

A record is what its dialect says strictly. A line that is no record by itself is joined with the following ones, as a
cell with line ends needs it; where that gives no record of the right width, or one whose cell holds a line that is a
record itself, the one line is marked as faulty and reading goes on with the next: an unclosed quote never swallows rows.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TextIO

from edu.errors import RejectedFileError
from ingest.readers.dialect import Dialect, is_note

FAULTY = "\x1fcolumns_uneven\x1f"
"""The first cell of a line that is no record."""
HALF_BYTES = 1 << 12
"""So much of what was read is looked at again with what follows, for a torn cell between the two."""
CELLS_AT_ONCE = 10_000
"""So many cells are matched at a time, because the way back through them is kept."""
LINE_CHARACTERS_MAXIMUM = 4 << 20
JOINED_LINES_MAXIMUM = 100
JOINED_CHARACTERS_MAXIMUM = 1 << 18
LINE_END = re.compile(r"\r\n|\n|\r")
TRIALS_MAXIMUM = 100_000
"""Lines that may be tried in vain in one file; more, and its quotes mean nothing."""


def well_formed(dialect: Dialect) -> re.Pattern[bytes]:
    """Return a pattern of some cells with their ends, none of which can be read in two ways; see `_end_of_cells`.

    Without possessive quantifiers: those of a group that could go back match wrongly before Python 3.11.5.
    """
    quote, delimiter = re.escape(dialect.quote.encode()), re.escape(dialect.delimiter.encode())
    if dialect.escape:
        escape = re.escape(dialect.escape.encode())
        text = rb"[^%s%s]*" % (quote, escape)
        inside = rb"%s(?:(?:%s%s|%s[\s\S])%s)*" % (text, quote, quote, escape, text)
        plain = rb"[^%s%s%s\r\n][^%s%s\r\n]*" % (quote, delimiter, escape, delimiter, escape)
    else:
        inside = rb"[^%s]*(?:%s%s[^%s]*)*" % (quote, quote, quote, quote)
        plain = rb"[^%s%s\r\n][^%s\r\n]*" % (quote, delimiter, delimiter)
    return re.compile(
        rb"(?:(?:%s%s%s|%s)?(?:%s|\r\n|\n|\r)){0,%d}" % (quote, inside, quote, plain, delimiter, CELLS_AT_ONCE)
    )


def _end_of_cells(pattern: re.Pattern[bytes], content: bytes) -> int:
    """Return where the last of the well-formed cells with which a content begins has its end."""
    end = 0
    while match := pattern.match(content, end):
        if match.end() == end:
            break
        end = match.end()
    return end


def halves(dialect: Dialect) -> tuple[str, str]:
    """Return patterns of the end of a line whose last cell has a quote inside, and of a line whose first cell ends in one.

    One after the other they are the halves of a quoted cell with a line end in it, before which a delimiter or a record
    end was lost. Each by itself may be a text with a quote, such as 5".
    """
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    inside = rf"[^{quote}{delimiter}\r\n]"
    return rf"{inside}{quote}{inside}*(?:\r\n|\n|\r)", rf"{inside}+{quote}(?:{delimiter}|[\r\n]|$)"


class Quotes(Enum):
    """How sure it is what the quotes of a file mean."""

    NONE = "none"
    SURE = "sure"
    """Each opens, closes or stands inside a cell. What it opens may still be too much; see `swallows`."""
    UNSURE = "unsure"


def quotes_of(path: Path, dialect: Dialect) -> Quotes:
    """Return how sure the quotes of a UTF-8 file are, an escape character counted as one."""
    quote = dialect.quote.encode()
    pattern = well_formed(dialect)
    torn = re.compile("".join(halves(dialect)).encode())
    kept = before = b""
    found = Quotes.NONE
    with path.open("rb") as stream:
        while piece := stream.read(4 << 20):
            if quote not in piece and quote not in kept and not dialect.escape:
                end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
                kept = piece[end + 1 :] if end >= 0 else kept + piece
                before = piece[-HALF_BYTES:]
            else:
                found = Quotes.SURE
                kept += piece
                if torn.search(before + kept):
                    return Quotes.UNSURE
                before = kept[-HALF_BYTES:]
                kept = kept[_end_of_cells(pattern, kept) :]
            if len(kept) > JOINED_CHARACTERS_MAXIMUM:
                return Quotes.UNSURE
    return found if _end_of_cells(pattern, kept + b"\n") == len(kept) + 1 else Quotes.UNSURE


class _Lines:
    """Lines of a text with a way back."""

    def __init__(self, stream: TextIO, file: str) -> None:
        self._stream = stream
        self._file = file
        self._waiting: deque[str] = deque()

    def next(self) -> str:
        if self._waiting:
            return self._waiting.popleft()
        line = self._stream.readline(LINE_CHARACTERS_MAXIMUM + 1)
        if len(line) > LINE_CHARACTERS_MAXIMUM:
            raise RejectedFileError(self._file, "file_too_large", "One line is too long; check line ends and quotes.")
        return line

    def put_back(self, lines: list[str]) -> None:
        self._waiting.extendleft(reversed(lines))


def _parsed(lines: list[str], dialect: Dialect) -> list[str] | None:
    """Return the one record that some lines are, or null."""
    try:
        records = list(dialect.parse(lines, is_strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else ([] if not records else None)


@dataclass(frozen=True)
class Shape:
    """How wide the records of a table are, how many cells each must have, how many of them are the header, and what
    stands alone in a record above that."""

    width: int
    least: int
    header_rows: int
    above: frozenset[str] = frozenset()


def _fitted(record: list[str], shape: Shape) -> list[str] | None:
    """Return a record in the width of the table, or null where cells are missing or too many."""
    if len(record) == shape.width:
        return record
    if len(record) > shape.width:
        return record[: shape.width] if not any(cell.strip() for cell in record[shape.width :]) else None
    is_whole = len(record) >= shape.least or is_note(record, shape.above)
    return record + [""] * (shape.width - len(record)) if is_whole else None


def swallows(record: list[str], dialect: Dialect, shape: Shape) -> bool:
    """Whether a record may be several: a cell of it holds a line as wide as a record, or begins in one and ends in another.

    A quote that opens a cell by mistake and one that closes another, some lines below, make one cell of all between them,
    which is a record without fault as far as its quotes go.
    """
    if shape.least < 2:
        return False
    for place, cell in enumerate(record):
        if "\n" not in cell and "\r" not in cell:
            continue
        first, *between, last = LINE_END.split(cell)
        if any(_is_row(line.split(dialect.delimiter), shape) for line in between):
            return True
        # A text may well end in a line end, and a row hardly begins with a quote that closes.
        if last:
            opening = [*record[:place], *first.split(dialect.delimiter)]
            closing = [*last.split(dialect.delimiter), *record[place + 1 :]]
            if _has_width(opening, shape) and _is_row(closing, shape):
                return True
    return False


def _has_width(cells: list[str], shape: Shape) -> bool:
    """Whether so many cells make a record, blank ones beyond the table's width aside."""
    width = len(cells)
    while width > shape.width and not cells[width - 1].strip():
        width -= 1
    return shape.least <= width <= shape.width


def _is_row(cells: list[str], shape: Shape) -> bool:
    """Whether cells make a record that says something."""
    return any(cell.strip() for cell in cells) and _has_width(cells, shape)


def swallows_sql(columns: list[str], dialect: Dialect, shape: Shape) -> str:
    """Return the condition that `swallows` must be asked of a row of text columns, which are all that the record has.

    Two records of a width and no less than the least, made one by a cell with line ends, have so many delimiters in it.
    """
    if shape.least < 2:
        return "false"
    delimiters = max(1, 2 * shape.least - 1 - shape.width)
    conditions = [
        f"case when contains({cell}, chr(10)) or contains({cell}, chr(13)) "
        f"then strlen({cell}) - strlen(replace({cell}, '{dialect.delimiter}', '')) >= {delimiters} else false end"
        for cell in columns
    ]
    return f"({' or '.join(conditions)})"


def records(stream: TextIO, file: str, dialect: Dialect, shape: Shape) -> Iterator[list[str]]:
    """Return every record in the width of the table, a faulty line as a record that begins with `FAULTY`.

    A faulty line with a quote too many may be the beginning of a cell that goes on below: the next line is faulty too
    where it has the other one.

    Raises:
        RejectedFileError: a line is too long, or so many are faulty that the quotes mean nothing.
    """
    source = _Lines(stream, file)
    faulty = [FAULTY] + [""] * (shape.width - 1)
    opens, closes = (re.compile(half) for half in halves(dialect))
    number = trials = 0
    is_open = False
    while line := source.next():
        number += 1
        record = _parsed([line], dialect)
        joined = [line]
        size = len(line)
        while record is None and dialect.quote in line and len(joined) < JOINED_LINES_MAXIMUM:
            more = source.next()
            size += len(more)
            trials += 1
            if trials > TRIALS_MAXIMUM:
                raise RejectedFileError(file, "table_uneven", "Check the quotes.", row_number=number)
            if not more or size > JOINED_CHARACTERS_MAXIMUM:
                source.put_back([more] if more else [])
                break
            joined.append(more)
            if dialect.quote in more:
                found = _parsed(joined, dialect)
                is_record = found is not None and (number <= shape.header_rows or _fitted(found, shape) is not None)
                record = found if is_record else None
        if record is not None and len(joined) > 1 and number > shape.header_rows and swallows(record, dialect, shape):
            record = None
        if record is not None and number <= shape.header_rows:
            yield (record + [""] * shape.width)[: shape.width]
            continue
        fitted = _fitted(record, shape) if record is not None else None
        is_half = line.count(dialect.quote) % 2 == 1
        if is_half and len(joined) == 1:
            below = source.next()
            source.put_back([below] if below else [])
            if is_open or (opens.search(line) and closes.match(below)):
                fitted = None
        is_open = fitted is None and is_half and not is_open
        if fitted is None:
            source.put_back(joined[1:])
        yield faulty if fitted is None else fitted


def rewrite(source: Path, target: Path, file: str, dialect: Dialect, shape: Shape) -> Dialect:
    """Write the records of a UTF-8 file in the plainest dialect and return it; see `records`."""
    with (
        source.open(encoding="utf-8", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows(records(stream, file, dialect, shape))
    target.chmod(0o600)
    return Dialect(",", '"', None)
