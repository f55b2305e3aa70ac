"""How a CSV file may be written: its encoding, and the delimiters, quotes and escapes that are known."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edu.errors import RejectedFileError
from ingest.readers import mixed
from ingest.readers.table import COUNT_NOTE, FOOTER_WORDS

DELIMITERS = (",", "\t", ";", "|")
RARE_DELIMITERS = (", ", "; ", "||", "::", "\t\t", " ", "^", "~", ":", "\x01")
QUOTES = (('"', None), ("'", None), ('"', "\\"), ("'", "\\"))
"""Quote and escape characters in the order in which they are tried; a quote may always be doubled."""
PEEK_BYTES = 1 << 18
LINE_BYTES_MAXIMUM = 4 << 20
"""A longer line is no row, in whatever encoding."""
STAND_IN = "\x1f"
"""Stands for a delimiter of several characters while records are parsed; no text of a roster holds it."""
csv.field_size_limit(LINE_BYTES_MAXIMUM)
# The standard library's own limit of 128 KiB would make a long cell's fate depend on whether its file has faults.
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Dialect:
    """How records and cells are told apart."""

    delimiter: str
    quote: str
    escape: str | None

    @property
    def is_plain(self) -> bool:
        """Whether the delimiter is one character, as fast parsers need it."""
        return len(self.delimiter) == 1

    def parse(self, lines: Iterator[str] | list[str], *, is_strict: bool) -> Iterator[list[str]]:
        """Return the records of some lines.

        Raises:
            csv.Error: a quote is not closed or stands in the middle of a cell, where strict; a cell is too long.
        """
        source = lines if self.is_plain else (line.replace(self.delimiter, STAND_IN) for line in lines)
        records = csv.reader(
            source,
            delimiter=self.delimiter if self.is_plain else STAND_IN,
            quotechar=self.quote,
            escapechar=self.escape,
            strict=is_strict,
        )
        if self.is_plain:
            return records
        return ([cell.replace(STAND_IN, self.delimiter) for cell in record] for record in records)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                if "\0" in decoder.decode(piece):
                    raise RejectedFileError(path.name, "format_unknown", "It is no text; save it as .xlsx or CSV.")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _has_utf8_lines(path: Path) -> bool:
    kept = b""
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            kept += piece
            end = mixed.cut(kept)
            if mixed.has_utf8_line(kept[:end]):
                return True
            kept = kept[end:]
            if len(kept) > LINE_BYTES_MAXIMUM:
                return False
    return mixed.has_utf8_line(kept)


def detect_encoding(path: Path) -> tuple[str, int]:
    """Return the encoding and the length of its byte-order mark.

    Raises:
        RejectedFileError: a line is neither UTF-8 nor GB18030 (the file not UTF-16 with a mark), or holds zero bytes.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    if _decodes(path, "utf-8"):
        return "utf-8", 0
    encoding = mixed.ENCODING if _has_utf8_lines(path) else "gb18030"
    if _decodes(path, encoding):
        return encoding, 0
    raise RejectedFileError(path.name, "encoding_unreadable", "Save it as CSV UTF-8 and send it again.")


def peek(path: Path, encoding: str, mark: int) -> tuple[str, bool]:
    """Return the beginning of a file as text and whether it is the whole file."""
    with path.open("rb") as stream:
        stream.seek(mark)
        piece = stream.read(PEEK_BYTES)
        is_whole = not stream.read(1)
    return codecs.getincrementaldecoder(encoding)("replace").decode(piece), is_whole


def first_text(path: Path) -> str | None:
    """Return the first cell of a CSV file that is not blank."""
    encoding, mark = detect_encoding(path)
    text, _ = peek(path, encoding, mark)
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                if cell.strip():
                    return cell.strip()
    except csv.Error:
        return None
    return None


def is_note(record: list[str], above: frozenset[str] = frozenset()) -> bool:
    """Whether a record is blank, a total or signature line, or stands alone and says how many rows there are or what
    stands `above` the header."""
    texts = [cell.strip() for cell in record if cell.strip()]
    if not texts or texts[0].startswith(FOOTER_WORDS):
        return True
    return len(set(texts)) == 1 and (texts[0] in above or re.match(COUNT_NOTE, texts[0]) is not None)
