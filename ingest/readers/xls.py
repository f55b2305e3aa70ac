"""Old binary workbooks (.xls, WPS .et): values by the spreadsheet library; errors and hidden rows by the records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import olefile
from python_calamine import CalamineWorkbook, SheetVisibleEnum

from edu.errors import RejectedFileError
from ingest.readers import sniff
from ingest.readers.grid import COLUMNS_MAXIMUM, MemorySheet, Merge, Sheet
from ingest.readers.guard import unreadable

FILE_BYTES_MAXIMUM = 128 << 20
GRID_MAXIMUM = 6_000_000
"""Cells of the smallest rectangle around a sheet's cells: the library keeps all of it in memory."""
EXACT_FLOAT = 1e15
"""From here on a spreadsheet shows 15 digits and zeros: what it holds is no longer what was typed."""
STREAMS = ("Workbook", "Book", "WORKBOOK", "BOOK")
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
ONE_CELL = frozenset({0x0006, 0x0201, 0x0203, 0x0204, 0x0205, 0x00D6, 0x00FD, 0x027E, 0x0406, 0x0206})
MANY_CELLS = frozenset({0x00BD, 0x00BE})
BOF, BOUNDSHEET, ROW, BOOLERR, FORMULA = 0x0809, 0x0085, 0x0208, 0x0205, 0x0006


def streams_of(path: Path) -> list[str]:
    """Return the names of the streams of an OLE2 file."""
    with unreadable(path.name), olefile.OleFileIO(str(path)) as ole:
        return ["/".join(entry) for entry in ole.listdir()]


def sheets_of(path: Path) -> list[Sheet]:
    """Return the sheets of an old workbook.

    Raises:
        RejectedFileError: it holds no workbook, is too large, or is broken.
    """
    streams = streams_of(path)
    name = next((stream for stream in streams if stream in STREAMS), None)
    if name is None and sniff.TEXT_STREAM in streams:
        raise sniff.text_document(path)
    if name is None:
        raise RejectedFileError(path.name, "format_unknown", "It is no workbook; save it as .xlsx and send it again.")
    if path.stat().st_size > FILE_BYTES_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", "Save it as .xlsx or CSV and send it again.")
    with unreadable(path.name):
        with olefile.OleFileIO(str(path)) as ole:
            content = ole.openstream(name).read()
        extras = _extras(path.name, content)
        workbook = CalamineWorkbook.from_path(str(path))
        sheets: list[Sheet] = []
        for number, meta in enumerate(workbook.sheets_metadata):
            errors, hidden = extras[number] if number < len(extras) else ({}, [])
            page = workbook.get_sheet_by_name(meta.name)
            texts = {place: text for place, text in _texts(page.to_python(skip_empty_area=False))}
            texts |= errors
            merges = [
                Merge(first[0] + 1, first[1], last[0] + 1, last[1]) for first, last in page.merged_cell_ranges or []
            ]
            cells = [(row + 1, col, text) for (row, col), text in sorted(texts.items())]
            is_hidden = meta.visible != SheetVisibleEnum.Visible
            sheets.append(MemorySheet(meta.name, cells, is_hidden, merges, hidden))
        return sheets


def _texts(rows: list[list[Any]]) -> Iterator[tuple[tuple[int, int], str]]:
    for row, values in enumerate(rows):
        for col, value in enumerate(values[:COLUMNS_MAXIMUM]):
            text = text_of(value)
            if text:
                yield (row, col), text


def text_of(value: Any) -> str | None:
    """Return a cell as a person sees it; the same as `ingest.readers.xlsx.as_seen_sql` says."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
        return moment.date().isoformat() if moment.time() == time() else moment.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if isinstance(value, float | int):
        if abs(value) >= EXACT_FLOAT:
            return f"{float(value):.14E}"
        return str(int(value)) if float(value).is_integer() else f"{value:.15g}"
    return str(value)


def _extras(file: str, content: bytes) -> list[tuple[dict[tuple[int, int], str], list[int]]]:
    """Return for each sheet its cells in error (0-based place → text) and its hidden rows (1-based).

    The spreadsheet library reads an error as empty and says nothing of rows. MS-XLS 2.4.
    """
    starts = [struct.unpack_from("<L", data)[0] for kind, data in _records(content, 0) if kind == BOUNDSHEET]
    found = []
    for start in starts:
        errors: dict[tuple[int, int], str] = {}
        hidden: list[int] = []
        top, bottom, right = 1 << 16, 0, 0
        for kind, data in _records(content, start):
            if kind == ROW and len(data) >= 16 and data[12] & 0x20:
                hidden.append(struct.unpack_from("<H", data)[0] + 1)
            if (kind not in ONE_CELL and kind not in MANY_CELLS) or len(data) < 6:
                continue
            row, col = struct.unpack_from("<HH", data)
            last = struct.unpack_from("<H", data, len(data) - 2)[0] if kind in MANY_CELLS else col
            top, bottom, right = min(top, row), max(bottom, row), max(right, last)
            if kind == BOOLERR and len(data) >= 8 and data[7]:
                errors[row, col] = ERRORS.get(data[6], "#N/A")
            if kind == FORMULA and len(data) >= 14 and data[12:14] == b"\xff\xff" and data[6] == 2:
                errors[row, col] = ERRORS.get(data[8], "#N/A")
        if (bottom + 1) * (right + 1) > GRID_MAXIMUM:
            raise RejectedFileError(file, "file_too_large", "Cells stand far apart; delete them or save as .xlsx.")
        found.append((errors, hidden))
    return found


def _records(content: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Return the records of one substream: from its beginning to its end."""
    depth = 0
    while start + 4 <= len(content):
        kind, length = struct.unpack_from("<HH", content, start)
        yield kind, content[start + 4 : start + 4 + length]
        start += 4 + length
        if kind == BOF:
            depth += 1
        elif kind == 0x000A:
            depth -= 1
            if depth <= 0:
                return
