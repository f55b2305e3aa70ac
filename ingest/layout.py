"""The clerk's own layout of a file: every cell as text, row by row as it was sent, with which column is which field.

Of a text in Excel's `="…"` only the text is shown, as it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from edu.codes import code_sets
from edu.contract import Contract
from edu.duck import in_memory
from edu.errors import RejectedFileError
from ingest.correction import AUXILIARY_SHEETS
from ingest.header import clean, recognise
from ingest.protected_text import unprotected
from ingest.readers import base_table, sniff, workbook
from ingest.readers import csv as csv_reader
from ingest.readers.grid import Merge, Sheet

HEAD_ROWS = 40


@dataclass
class Page:
    """One sheet of a file, or a CSV file whose header stands in row 1.

    `rows` holds texts by 1-based row and 0-based column; `columns` says which field a column is.
    """

    sheet: str | None
    name: str
    rows: dict[int, dict[int, str]]
    header_row: int
    columns: dict[int, str]
    merges: tuple[Merge, ...] = ()
    """Ranges of the header that a printed form has merged."""
    counts: dict[int, str] = field(default_factory=dict)
    """Of a printed form, what each column counts, in the words that findings name it by."""

    @property
    def width(self) -> int:
        """Columns that hold anything."""
        return 1 + max((column for cells in self.rows.values() for column in cells), default=0)

    @property
    def body_rows(self) -> int:
        """Rows below the header."""
        return sum(row > self.header_row for row in self.rows)

    def column_of(self, field: str | None) -> int | None:
        """Return the column of a field; null where the page has none."""
        return next((column for column, name in self.columns.items() if name == field), None)

    def counted_in(self, message: str) -> int | None:
        """Return the column of a printed form that a finding's sentence names; null where it names none."""
        return next((column for column, words in self.counts.items() if f"、{words}）" in message), None)


def pages_of(
    path: Path, contract: Contract, profile: str, wanted: set[tuple[str | None, int | None]] | None = None
) -> list[Page]:
    """Return the tables of a file in the layout of its sender; empty for a file that has none to send back.

    Columns that the contract never loads are emptied: nothing of them goes further than the archive. With `wanted`,
    (sheet, row) of rows below the head, the others are left out, so that memory follows what is shown.

    Raises:
        RejectedFileError: the file cannot be read as the dataset.
    """
    kind = sniff.kind_of(path)
    if contract.profiles[profile].carrier == "positional":
        return _printed_pages(path, kind, contract, profile)
    if kind == "csv":
        pages = [_csv_page(path, contract, profile, wanted)]
    elif kind in workbook.KINDS:
        pages = _sheet_pages(path, kind, contract, profile, wanted)
    else:
        return []
    never = {clean(header) for header in contract.profiles[profile].never_load}
    for page in pages:
        forbidden = [c for c, text in page.rows.get(page.header_row, {}).items() if clean(text) in never]
        for row, cells in page.rows.items():
            if row > page.header_row:
                for column in forbidden:
                    cells.pop(column, None)
    return pages


def _csv_page(path: Path, contract: Contract, profile: str, wanted: set[tuple[str | None, int | None]] | None) -> Page:
    form, records = csv_reader.as_sent(path, contract, profile)
    header = form.header
    rows: dict[int, dict[int, str]] = {}
    for number, record in enumerate(records, start=2 - form.header_rows):
        if number == 1 or (number > 1 and (wanted is None or (None, number) in wanted)):
            rows[number] = {i: text for i, cell in enumerate(record) if (text := unprotected(cell)) != ""}
    if header.last_row > header.first_row:
        # Of a header in two rows one is left: the names that the form itself uses.
        rows[1].update({column: contract.header(profile, name) for column, name in header.columns.items()})
    return Page(None, contract.profiles[profile].sheet or contract.label, rows, 1, header.columns)


def _refuse(locked: Path) -> Path:
    raise RejectedFileError(locked.name, "workbook_encrypted", "Give the form that its password opened.")


def _printed_pages(path: Path, kind: str, contract: Contract, profile: str) -> list[Page]:
    """Return the printed forms of a workbook; its other sheets hold nothing of the dataset."""
    positions = contract.profiles[profile].positions
    assert positions is not None
    words = code_sets()[str(contract.field(positions.column_field).code_set)]
    pages: list[Page] = []
    with in_memory() as connection, workbook.open_sheets(path, kind, connection, _refuse) as (sheets, _):
        for sheet in sheets:
            form = base_table.printed(path.name, sheet, positions)
            if form is None:
                continue
            merges = tuple(
                merge
                for merge in sheet.merges
                if merge.last_row <= form.last_header_row
                and (merge.first_row, merge.first_col) != (merge.last_row, merge.last_col)
            )
            counts = {column: words[code] for column, code in form.columns.items()}
            pages.append(Page(sheet.name, sheet.name, form.rows, form.last_header_row, {}, merges, counts))
    return pages


def _sheet_pages(
    path: Path, kind: str, contract: Contract, profile: str, wanted: set[tuple[str | None, int | None]] | None
) -> list[Page]:
    pages: list[Page] = []
    with in_memory() as connection, workbook.open_sheets(path, kind, connection, _refuse) as (sheets, _):
        for sheet in sheets:
            if sheet.is_hidden or sheet.name in AUXILIARY_SHEETS:
                continue
            rows: dict[int, dict[int, str]] = {}
            kept = _kept_rows(sheet, wanted)
            for piece in sheet.pieces():
                if kept is not None:
                    piece = piece.filter(pc.is_in(piece.column(0), kept))
                for row, column, value in zip(*(part.to_pylist() for part in piece.columns), strict=True):
                    rows.setdefault(row, {})[column] = unprotected(value)
            if not rows:
                continue
            for merge in sheet.merges:
                _fill(rows, merge.first_row, merge.first_col, merge.last_row, merge.last_col)
            width = 1 + max(column for cells in rows.values() for column in cells)
            head = [[rows.get(row, {}).get(column) for column in range(width)] for row in range(1, HEAD_ROWS)]
            try:
                header = recognise(path.name, head, contract, profile, "xlsx", sheet.name)
            except RejectedFileError:
                continue
            pages.append(Page(sheet.name, sheet.name, rows, header.last_row + 1, header.columns))
    return pages


def _kept_rows(sheet: Sheet, wanted: set[tuple[str | None, int | None]] | None) -> pa.Array | None:
    """Return the rows of a sheet that are wanted, its head and the first rows of merges among them; null is all."""
    if wanted is None:
        return None
    rows = {row for name, row in wanted if row is not None and name in (sheet.name, None)}
    return pa.array(sorted(rows | set(range(1, HEAD_ROWS)) | {merge.first_row for merge in sheet.merges}), pa.int32())


def _fill(rows: dict[int, dict[int, str]], top: int, left: int, bottom: int, right: int) -> None:
    """Give every row of a range merged downward its value: a merged cell cannot be mended one row at a time."""
    value = rows.get(top, {}).get(left)
    if value is None or bottom == top:
        return
    for row in range(top + 1, bottom + 1):
        if row in rows:
            for column in range(left, right + 1):
                rows[row].setdefault(column, value)
