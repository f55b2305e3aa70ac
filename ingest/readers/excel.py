"""Excel workbooks (.xlsx): cells as a person sees them, with the sheet's own row numbers."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote, Header, recognise
from ingest.inbox import Source
from ingest.readers.table import FieldTable, ReadResult, body

AUXILIARY_SHEETS = frozenset({"填表说明", "代码表"})
EXACT_FLOAT = 1e15
"""From here on a spreadsheet shows 15 digits and zeros: what it holds is no longer what was typed."""
ERROR_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*?\bt="e"[^>]*?>.*?<v>([^<]*)</v>', re.DOTALL)


def _text(value: Any) -> str | None:
    """Return a cell as text: dates as ISO, whole numbers without a fraction, long ones as Excel shows them."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float | int):
        if abs(value) >= EXACT_FLOAT:
            return f"{float(value):.14E}"
        return str(int(value)) if float(value).is_integer() else repr(value)
    return str(value)


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError):
        raise RejectedFileError(path.name, "file_unreadable", "The workbook is broken; save it again.") from None


def _visible_sheets(workbook: CalamineWorkbook) -> list[str]:
    return [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.name not in AUXILIARY_SHEETS
    ]


def _rows(path: Path, workbook: CalamineWorkbook, sheet: str) -> list[list[str | None]]:
    """Return all rows of a sheet from its first, as text; error cells are shown as Excel shows them."""
    try:
        cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (CalamineError, ValueError):
        raise RejectedFileError(
            path.name, "file_unreadable", "The sheet is broken; save it again.", sheet=sheet
        ) from None
    rows = [[_text(value) for value in row] for row in cells]
    for row, column, text in _error_cells(path, sheet):
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    return rows


def _error_cells(path: Path, sheet: str) -> list[tuple[int, int, str]]:
    """Return 0-based places and texts of cells in error, which the spreadsheet library reads as empty."""
    with zipfile.ZipFile(path) as archive:
        part = _sheet_part(archive, sheet)
        if part is None:
            return []
        content = archive.read(part)
    if b't="e"' not in content:
        return []
    found = []
    for letters, number, text in ERROR_CELL.findall(content):
        column = 0
        for letter in letters.decode():
            column = column * 26 + ord(letter) - 64
        found.append((int(number) - 1, column - 1, text.decode("utf-8", "replace")))
    return found


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the archive entry of a sheet, found by patterns so that no entity of the XML is ever expanded."""
    workbook = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", workbook):
        name = re.search(r'\bname="([^"]*)"', tag)
        relation = re.search(r'\b\w+:id="([^"]*)"', tag)
        if name and relation and _unescaped(name[1]) == sheet:
            for link in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", relations):
                target = re.search(r'\bTarget="([^"]*)"', link)
                if target and f'Id="{relation[1]}"' in link:
                    part = target[1].lstrip("/")
                    return part if part.startswith("xl/") else f"xl/{part}"
    return None


def _unescaped(text: str) -> str:
    for code, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(code, char)
    return text


def first_text(path: Path) -> str | None:
    """Return the first text of the first visible sheet."""
    workbook = _open(path)
    for sheet in _visible_sheets(workbook):
        for row in workbook.get_sheet_by_name(sheet).iter_rows():
            for value in row:
                if isinstance(value, str) and value.strip():
                    return value.strip()
    return None


def read(
    source: Source, contract: Contract, profile: str | None, connection: duckdb.DuckDBPyConnection, prefix: str
) -> ReadResult:
    """Read a workbook; see `ingest.readers.read`. `row_number` is the 1-based row of the sheet.

    The sheet that the profile names is read if it is there, else every visible sheet with a header of the dataset.
    """
    path = source.path
    workbook = _open(path)
    sheets = _visible_sheets(workbook)
    named = {spec.sheet for name, spec in contract.profiles.items() if profile in (None, name) and spec.sheet}
    wanted = [sheet for sheet in sheets if sheet in named] or sheets
    tables: list[FieldTable] = []
    notes: list[FormNote] = []
    headers: list[Header] = []
    refusal: RejectedFileError | None = None
    for number, sheet in enumerate(wanted):
        rows = _rows(path, workbook, sheet)
        if not rows:
            continue
        try:
            header = recognise(path.name, rows, contract, profile, "xlsx", sheet)
        except RejectedFileError as error:
            refusal = error if refusal is None or error.field else refusal
            continue
        table, sheet_notes = _table(connection, f"{prefix}_{number}", rows, header, contract, sheet)
        tables.append(table)
        headers.append(header)
        notes.extend(note for note in sheet_notes if note not in notes)
        profile = header.profile
    if not tables:
        raise refusal or RejectedFileError(path.name, "file_empty", "No sheet holds a row; send it again.")
    if refusal is not None and refusal.reason_code != "header_not_found":
        raise refusal
    return ReadResult(headers[0].profile, tuple(tables), tuple(notes), None, headers[0].title)


def _table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: list[list[str | None]],
    header: Header,
    contract: Contract,
    sheet: str,
) -> tuple[FieldTable, list[FormNote]]:
    width = max(len(row) for row in rows)
    arrow = pa.table(
        {
            "row_number": pa.array(range(1, len(rows) + 1), pa.int32()),
            **{
                f"c{i}": pa.array([row[i] if i < len(row) else None for row in rows], pa.string()) for i in range(width)
            },
        }
    )
    connection.register("sheet_rows", arrow)
    connection.execute(f"create or replace temp table {table} as select * from sheet_rows order by row_number")
    connection.unregister("sheet_rows")
    fields, dropped = body(connection, table, width, header, contract, sheet, header.last_row + 1)
    notes = list(header.notes)
    if dropped and FormNote("extra_rows_dropped") not in notes:
        notes.append(FormNote("extra_rows_dropped"))
    return fields, notes
