"""What a correction workbook carries besides its rows, so that it can be sent back from any folder.

A hidden sheet says of what the workbook is; readers take it for metadata and never for a table.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

SUMMARY_SHEET = "错误汇总"
PROPERTY_SHEET = "_报送信息"
NOTES_SHEET = "填表说明"
CODES_SHEET = "代码表"
AUXILIARY_SHEETS = frozenset({SUMMARY_SHEET, PROPERTY_SHEET, NOTES_SHEET, CODES_SHEET})
"""Sheets of the platform's own workbooks that hold no rows of a dataset."""
PROPERTIES = ("dataset", "org", "period", "snapshot_date", "coverage", "profile", "school")
INDEX_BYTES_MAXIMUM = 1 << 20
ROWS_MAXIMUM = 20


def properties_of(path: Path) -> dict[str, str]:
    """Return the metadata that a correction workbook carries; empty for every other file. Never raises for a bad file."""
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"PK\x03\x04":
                return {}
        with zipfile.ZipFile(path) as package:
            index = package.getinfo("xl/workbook.xml")
            if index.file_size > INDEX_BYTES_MAXIMUM or PROPERTY_SHEET.encode() not in package.read(index):
                return {}
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(PROPERTY_SHEET)
        rows = sheet.to_python(nrows=ROWS_MAXIMUM)
    except (OSError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile, CalamineError):
        return {}
    return {str(row[0]): str(row[1]) for row in rows if len(row) > 1 and row[0] in PROPERTIES and row[1] != ""}
