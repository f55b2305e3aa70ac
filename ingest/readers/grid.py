"""What every reader of sheets gives: cells in pieces of rows; and how sheets become tables of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.correction import AUXILIARY_SHEETS
from ingest.header import SEARCH_ROWS, FormNote, Header, recognise
from ingest.readers.guard import unreadable
from ingest.readers.table import FieldTable, ReadResult, body

COLUMNS_MAXIMUM = 1_024
"""Cells further right are not looked at; no dataset has so many columns."""
HEAD_ROWS = SEARCH_ROWS + 10
HIDDEN_ROW_NOTES_MAXIMUM = 1_000
CELLS = pa.schema([("row", pa.int32()), ("col", pa.int32()), ("value", pa.string())])
"""A cell: 1-based row, 0-based column, its text as a person sees it; cells without text are left out."""


@dataclass(frozen=True)
class Merge:
    """A merged range: 1-based rows, 0-based columns, both ends included."""

    first_row: int
    first_col: int
    last_row: int
    last_col: int


class Sheet(Protocol):
    """A sheet as its reader gives it. `merges` and `hidden_rows` are whole once `pieces` has been read to its end."""

    name: str
    is_hidden: bool
    merges: list[Merge]
    hidden_rows: list[int]

    def pieces(self) -> Iterator[pa.Table]:
        """Return the cells in tables of shape `CELLS`, rows in ascending order and never divided between pieces."""


@dataclass
class MemorySheet:
    """A sheet whose cells are in memory, from a reader that reads small files whole."""

    name: str
    cells: list[tuple[int, int, str]]
    is_hidden: bool = False
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)

    def pieces(self) -> Iterator[pa.Table]:
        """Return all cells as one piece."""
        rows, cols, values = zip(*self.cells, strict=True) if self.cells else ((), (), ())
        yield pa.table([pa.array(rows, pa.int32()), pa.array(cols, pa.int32()), pa.array(values, pa.string())], CELLS)


def first_text(sheets: Iterable[Sheet]) -> str | None:
    """Return the first text that is no number of the first visible sheets."""
    for sheet in sheets:
        if sheet.is_hidden or sheet.name in AUXILIARY_SHEETS:
            continue
        for piece in sheet.pieces():
            for value in piece.slice(0, 200).column("value").to_pylist():
                if value.strip():
                    return str(value).strip()
            if piece.num_rows:
                break
    return None


def read_sheets(
    file: str,
    file_type: str,
    sheets: list[Sheet],
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    prefix: str,
    notes: tuple[FormNote, ...] = (),
) -> ReadResult:
    """Read all visible sheets that have a header of the dataset; the others are named in a warning.

    Where a profile names its sheet and the workbook has it, it alone is read. A hidden sheet is never read, because
    nobody who sends it sees it, and a warning says so where it holds a table of the dataset.

    Raises:
        RejectedFileError: no sheet is a table of the dataset, or one that is lacks a column.
    """
    shown = [sheet for sheet in sheets if sheet.name not in AUXILIARY_SHEETS]
    named = {spec.sheet for name, spec in contract.profiles.items() if profile in (None, name) and spec.sheet}
    wanted = [s for s in shown if not s.is_hidden and s.name in named] or [s for s in shown if not s.is_hidden]
    tables: list[FieldTable] = []
    found = list(notes)
    headers: list[Header] = []
    refusal: RejectedFileError | None = None
    dropped = 0
    for number, sheet in enumerate(wanted):
        with unreadable(file, sheet.name):
            loaded = _load(file, file_type, sheet, contract, profile, connection, f"{prefix}_{number}")
        if isinstance(loaded, RejectedFileError):
            refusal = loaded if refusal is None or loaded.field else refusal
            if loaded.reason_code == "header_not_found":
                found.append(FormNote("sheet_ignored", sheet=sheet.name))
        elif loaded is not None:
            header, table, sheet_notes, sheet_dropped = loaded
            dropped += sheet_dropped
            tables.append(table)
            headers.append(header)
            found.extend(note for note in sheet_notes if note not in found)
            profile = header.profile
    if not tables:
        raise refusal or RejectedFileError(file, "file_empty", "No sheet holds a row; send it again.")
    if refusal is not None and refusal.reason_code != "header_not_found":
        raise refusal
    found.extend(
        FormNote("hidden_sheet_ignored", sheet=sheet.name)
        for sheet in shown
        if sheet.is_hidden and _has_header(file, file_type, sheet, contract, profile)
    )
    return ReadResult(headers[0].profile, tuple(tables), tuple(found), None, headers[0].title, dropped)


def _dense(table: pa.Table) -> list[list[str | None]]:
    """Return the first rows as lists, row 1 first."""
    rows: list[list[str | None]] = []
    for row, col, value in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if row > HEAD_ROWS or col >= COLUMNS_MAXIMUM:
            continue
        while len(rows) < row:
            rows.append([])
        line = rows[row - 1]
        line.extend([None] * (col + 1 - len(line)))
        line[col] = value
    return rows


def _head(pieces: Iterator[pa.Table]) -> list[pa.Table]:
    """Return pieces until they hold the rows among which a header is looked for."""
    head: list[pa.Table] = []
    for piece in pieces:
        head.append(piece)
        if piece.num_rows and (piece.column("row")[-1].as_py() or 0) > HEAD_ROWS:
            break
    return head


def _has_header(file: str, file_type: str, sheet: Sheet, contract: Contract, profile: str | None) -> bool:
    try:
        with unreadable(file, sheet.name):
            head = _head(sheet.pieces())
            rows = _dense(pa.concat_tables(head)) if head else []
            recognise(file, rows, contract, profile, file_type, sheet.name)
    except RejectedFileError:
        return False
    return True


def _load(
    file: str,
    file_type: str,
    sheet: Sheet,
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    table: str,
) -> tuple[Header, FieldTable, list[FormNote], int] | RejectedFileError | None:
    """Load a sheet into `table`; return what it is and how many rows are none of the body, or why it is no table of the
    dataset, or null where it is blank."""
    pieces = sheet.pieces()
    head = _head(pieces)
    rows = _dense(pa.concat_tables(head)) if head else []
    if not any(rows):
        return None
    try:
        header = recognise(file, rows, contract, profile, file_type, sheet.name)
    except RejectedFileError as error:
        return error
    width = max(header.columns) + 1
    columns = ", ".join(f"c{i} varchar" for i in range(width))
    connection.execute(f"create or replace temp table {table} (row_number integer, {columns})")
    wide = ", ".join(f"max(value) filter (where col = {i})" for i in range(width))
    for group in (head, pieces):
        for piece in group:
            again = _place_taken_twice(piece)
            if again:
                raise _rows_told_twice(file, sheet.name, again)
            connection.register("piece_cells", piece)
            connection.execute(
                f"insert into {table} select row, {wide} from piece_cells where col < {width} group by row order by row"
            )
            connection.unregister("piece_cells")
    (twice,) = connection.execute(
        f"select min(row_number) from (select row_number from {table} group by row_number having count(*) > 1)"
    ).fetchone() or (None,)
    if twice:
        raise _rows_told_twice(file, sheet.name, twice)
    after = header.last_row + 1
    notes = [*header.notes, *_fill_merges(connection, table, sheet.merges, header, after)]
    fields, dropped, said = body(connection, table, width, header, contract, sheet.name, after)
    notes.extend(note for note in said if note not in notes)
    return header, fields, [*notes, *_hidden_rows(connection, table, sheet)], header.extra_rows + dropped


def _place_taken_twice(piece: pa.Table) -> int | None:
    """Return the row of two cells that say the same place; null where there are none."""
    order = piece.column("row").to_numpy().astype(np.int64) * COLUMNS_MAXIMUM + piece.column("col").to_numpy()
    if (order[1:] <= order[:-1]).any():
        # Cells of one row may come in any order.
        order = np.sort(order)
    again = np.flatnonzero(order[1:] == order[:-1])
    return int(order[again[0]] // COLUMNS_MAXIMUM) if len(again) else None


def _rows_told_twice(file: str, sheet: str, row_number: int) -> RejectedFileError:
    """Return the refusal of a sheet of which two rows say the same number: read as one, two persons would become one."""
    return RejectedFileError(
        file,
        "file_unreadable",
        "Two of its rows say the same number; save it as .xlsx again.",
        sheet=sheet,
        row_number=row_number,
    )


def _fill_merges(
    connection: duckdb.DuckDBPyConnection, table: str, merges: list[Merge], header: Header, after: int
) -> list[FormNote]:
    """Write the value of a cell that is merged downward into the rows below it, within the merge and the body."""
    notes = []
    for column, name in sorted(header.columns.items()):
        tall = [m for m in merges if m.first_col == column and m.first_row > after and m.last_row > m.first_row]
        if not tall:
            continue
        ranges = pa.table(
            {
                "first_row": pa.array([m.first_row for m in tall], pa.int32()),
                "last_row": pa.array([m.last_row for m in tall], pa.int32()),
            }
        )
        connection.register("merged_ranges", ranges)
        filled = connection.execute(
            f"""
            update {table} set c{column} = above.text
            from (
                select m.first_row, max(m.last_row) as last_row, min(t.c{column}) as text from merged_ranges as m
                inner join {table} as t on t.row_number = m.first_row where t.c{column} is not null group by m.first_row
            ) as above
            where {table}.row_number > above.first_row and {table}.row_number <= above.last_row
                and {table}.c{column} is null
            """
        ).fetchone()
        connection.unregister("merged_ranges")
        if filled and filled[0]:
            notes.append(FormNote("merged_body_filled", name))
    return notes


def _hidden_rows(connection: duckdb.DuckDBPyConnection, table: str, sheet: Sheet) -> list[FormNote]:
    """Return a warning for each body row that is hidden or filtered out of sight; it is read and counted."""
    if not sheet.hidden_rows:
        return []
    connection.register("hidden_rows", pa.table({"row_number": pa.array(sheet.hidden_rows, pa.int32())}))
    rows = connection.execute(
        f"select distinct row_number from {table} semi join hidden_rows using (row_number) "
        f"order by row_number limit {HIDDEN_ROW_NOTES_MAXIMUM}"
    ).fetchall()
    connection.unregister("hidden_rows")
    return [FormNote("hidden_row_read", sheet=sheet.name, row_number=row[0]) for row in rows]
