"""Chooses the dialect of a CSV file: by its header, and by how many of its first records have the header's width.

Nothing is guessed at from letters alone.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import Header, recognise
from ingest.readers.dialect import DELIMITERS, QUOTES, RARE_DELIMITERS, Dialect, is_note
from ingest.readers.records import FAULTY, Shape, records

EXAMINED_RECORDS = 1_000


@dataclass(frozen=True)
class Form:
    """A file's dialect, its header, where in the text the header record begins, and the width of its records."""

    dialect: Dialect
    header: Header
    start: int
    """Characters before the header record."""
    header_rows: int
    width: int
    least: int
    """Cells that a record must have; blank ones beyond are made up."""

    @property
    def shape(self) -> Shape:
        return Shape(self.width, self.least, self.header_rows, frozenset(self.header.above))


def _records(text: str, is_whole: bool, dialect: Dialect) -> tuple[list[list[str]], list[int]]:
    """Return the first records and the character at which each begins; the last is left out where it may be cut."""
    position = 0

    def lines() -> Iterator[str]:
        nonlocal position
        for line in io.StringIO(text, newline=""):
            position += len(line)
            yield line

    records: list[list[str]] = []
    starts = [0]
    try:
        for record in dialect.parse(lines(), is_strict=False):
            records.append(record)
            starts.append(position)
    except csv.Error:
        return records, starts
    return (records if is_whole else records[:-1]), starts


def _widths(records: list[list[str]], header: Header) -> tuple[int, int]:
    """Return the width of the records, and how many cells each must have.

    Both are the header's, or the commonest where only blank cells make the difference; records that have the header's
    width are then still whole.
    """
    rows = records[header.first_row : header.last_row + 1]
    own = max(len(row) for row in rows)
    body = [row for row in records[header.last_row + 1 :] if not is_note(row, frozenset(header.above))]
    if not body:
        return own, own
    common = Counter(len(row) for row in body).most_common(1)[0][0]
    if common > own and all(not cell.strip() for row in body for cell in row[own:]):
        return common, own
    is_padded = max(header.columns) < common < own and all(not c.strip() for row in rows for c in row[common:])
    return (common, common) if is_padded else (own, own)


def _evenness(text: str, is_whole: bool, form: Form, file: str) -> tuple[float, int]:
    """Return the share of records that are as wide as the header, and minus how many cells still look quoted."""
    stream = io.StringIO(text[form.start :], newline="")
    found = list(itertools.islice(records(stream, file, form.dialect, form.shape), EXAMINED_RECORDS))
    body = found[form.header_rows :] if is_whole else found[form.header_rows : -1]
    wrapped = sum(len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"" for row in found for cell in row)
    return (sum(row[0] != FAULTY for row in body) / len(body) if body else 1.0), -wrapped


def recognise_form(file: str, text: str, is_whole: bool, contract: Contract, profile: str | None) -> Form:
    """Return the form under which the most columns are recognised and the most records have the header's width.

    Raises:
        RejectedFileError: no dialect shows a header of the dataset.
    """
    best: tuple[tuple[int, float, int], Form] | None = None
    refusal: RejectedFileError | None = None
    for quote, escape in QUOTES:
        if (quote != '"' and quote not in text) or (escape and escape not in text):
            continue
        for delimiter in (*DELIMITERS, *RARE_DELIMITERS):
            is_settled = best is not None and best[0][1] == 1.0 and best[1].dialect.delimiter != delimiter
            if delimiter not in text or (is_settled and delimiter in RARE_DELIMITERS):
                continue
            dialect = Dialect(delimiter, quote, escape)
            rows, starts = _records(text, is_whole, dialect)
            try:
                header = recognise(file, rows, contract, profile, "csv")
            except RejectedFileError as error:
                # A refusal that names a column says more than that no header was found.
                refusal = error if refusal is None or (error.field and not refusal.field) else refusal
                continue
            header_rows = header.last_row - header.first_row + 1
            width, least = _widths(rows, header)
            form = Form(dialect, header, starts[header.first_row], header_rows, width, least)
            try:
                score = (len(header.columns), *_evenness(text, is_whole, form, file))
            except RejectedFileError as error:
                refusal = refusal or error
                continue
            if best is None or score > best[0]:
                best = (score, form)
        if best and best[0][1:] == (1.0, 0):
            break
    if best is None:
        raise refusal or RejectedFileError(
            file, "header_not_found", f"No row is a header of dataset {contract.dataset}; use the template."
        )
    return best[1]
