"""Writes the files that have defects, in the forms in which clerks and systems send them."""

from __future__ import annotations

import hashlib
import html
from dataclasses import astuple
from datetime import date, datetime, time
from pathlib import Path

import xlsxwriter

from edu.contract import get_contract
from synthetic.defects import OTHER_SHEET, DirtyFile, FilePlan, LedgerEntry, spoil
from synthetic.defects.forms import ROWS_OF_A_MERGE
from synthetic.files import Row, csv_bytes, write_sidecar

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
XLS_NAME = "csv"
"""A workbook of an unreadable kind is sent under this suffix."""
SHEETS = ("一班", "二班")


def write_dirty(plan: FilePlan, rows: list[Row], folder: Path) -> list[LedgerEntry]:
    """Write one file with its defects; return their ledger entries."""
    file = plan.file
    content = spoil(plan, rows, file.title if file.form == "xlsx" else None)
    path = folder / file.relative
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = ""
    if 53 in plan.form_classes:
        suffix = ".xls"
        path.with_suffix(suffix).write_text(_html(content), encoding="utf-8")
    elif file.form == "xlsx":
        suffix = ".et" if 58 in plan.form_classes else ""
        write_workbook(path, str(get_contract(file.dataset).profiles[file.profile].sheet), plan, content)
        if suffix:
            path.rename(path.with_suffix(suffix))
        if plan.broken:
            suffix = _break(path, plan.broken)
    else:
        padding: list[object] = [None] * (len(content.header) - 1)
        top = [[text, *padding] for text in content.top]
        text = csv_bytes([*top, content.header, *content.rows, *content.bottom])
        encoding = "gb18030" if 1 in plan.form_classes else "utf-8-sig" if 2 in plan.form_classes else "utf-8"
        path.write_bytes(text.encode(encoding))
    if suffix:
        path = path.with_suffix(suffix)
    write_sidecar(path, file, plan.received_at or file.received_at)
    name = path.relative_to(folder).as_posix()
    return [LedgerEntry(name, *astuple(entry)[1:]) for entry in content.entries]


def write_workbook(path: Path, sheet: str, plan: FilePlan, content: DirtyFile) -> None:
    """Write a clerk's workbook: merged titles, group labels above the header if any, body, rows at the end.

    A body value that is a float is written as a number, `#REF!` as an error cell, all else as text.
    """
    # A fixed date of creation keeps the bytes a function of the content.
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"created": datetime.combine(date(2024, 1, 1), time())})
    if 55 in plan.form_classes:
        half = len(content.rows) // 2
        for name, rows in zip(SHEETS, (content.rows[:half], content.rows[half:]), strict=True):
            _write_sheet(book, name, content, rows, [])
        book.add_worksheet(OTHER_SHEET).write_row(0, 0, ["办公室", "值班电话"])
    else:
        _write_sheet(book, sheet, content, content.rows, content.bottom)
    book.close()


def _write_sheet(book: xlsxwriter.Workbook, name: str, content: DirtyFile, rows: list[Row], bottom: list[Row]) -> None:
    page = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "align": "center"})
    line = 0
    for text in content.top:
        page.merge_range(line, 0, line, max(1, len(content.header) - 1), text, bold)
        line += 1
    if content.groups:
        for first, last, text in content.groups:
            page.merge_range(line, first, line, last, text, bold)
        line += 1
    page.write_row(line, 0, content.header, bold)
    line += 1
    for number, row in enumerate([*rows, *bottom]):
        for column, value in enumerate(row):
            if column == content.merged_column and number < ROWS_OF_A_MERGE:
                continue
            if isinstance(value, float):
                page.write_number(line + number, column, value)
            elif value == "#REF!":
                page.write_formula(line + number, column, "=#REF!", None, "#REF!")
            elif value is not None:
                page.write_string(line + number, column, str(value))
    if content.merged_column is not None:
        column, last = content.merged_column, line + ROWS_OF_A_MERGE - 1
        page.merge_range(line, column, last, column, str(rows[0][column]))
    for row_number in content.hidden:
        page.set_row(line + row_number, None, None, {"hidden": True})


def _html(content: DirtyFile) -> str:
    """Return the page that reporting systems offer as a workbook."""

    def line(row: Row, tag: str) -> str:
        cells = "".join(f"<{tag}>{html.escape('' if cell is None else str(cell))}</{tag}>" for cell in row)
        return f"<tr>{cells}</tr>"

    body = "\n".join([line(content.header, "th"), *(line(row, "td") for row in content.rows)])
    return f'<html><head><meta charset="utf-8"></head><body><table border="1">\n{body}\n</table></body></html>\n'


def _break(path: Path, how: str) -> str:
    """Turn a good workbook into one that cannot be opened; return its new suffix, or nothing."""
    good = path.read_bytes()
    if how == "truncated":
        path.write_bytes(good[: len(good) // 2])
        return ""
    filler = hashlib.sha256(good).digest() * 32
    if how == "encrypted":
        path.write_bytes(OLE2 + filler + "EncryptedPackage".encode("utf-16-le") + filler)
        return ""
    path.unlink()
    path.with_suffix(f".{XLS_NAME}").write_bytes(OLE2 + filler)
    return f".{XLS_NAME}"
