"""Workbooks of every kind, by their bytes: .xlsx, old .xls and .et, HTML and XML under either name, with a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from edu.contract import Contract
from edu.duck import in_memory
from ingest.header import FormNote
from ingest.readers import base_table, grid, markup, protected, sniff, xls, xlsx
from ingest.readers.grid import Sheet
from ingest.readers.guard import unreadable
from ingest.readers.package import Package
from ingest.readers.table import ReadResult

KINDS = ("xlsx", "ole2", "html", "xml2003")


XLSX_SUFFIXES = (".xlsx", ".xlsm", ".xltx", ".xltm", ".opened")


@contextmanager
def open_sheets(
    path: Path,
    kind: str,
    connection: duckdb.DuckDBPyConnection,
    open_protected: Callable[[Path], Path],
) -> Iterator[tuple[list[Sheet], tuple[FormNote, ...]]]:
    """Give the sheets of a workbook and what is to be said of its form.

    Raises:
        RejectedFileError: it cannot be opened.
    """
    if kind == "ole2" and protected.is_protected(path):
        path = open_protected(path)
        kind = sniff.kind_of(path)
    if kind == "xlsx":
        with Package(path) as package:
            is_other = path.suffix.lower() not in XLSX_SUFFIXES
            yield xlsx.sheets_of(package, connection), (FormNote("suffix_wrong"),) if is_other else ()
    elif kind == "html":
        sheets, encoding = markup.html_sheets(path)
        notes = [FormNote("html_as_workbook")]
        if encoding == "gb18030":
            notes.append(FormNote("encoding_gb18030"))
        yield sheets, tuple(notes)
    elif kind == "xml2003":
        yield markup.spreadsheetml_sheets(path), (FormNote("html_as_workbook"),)
    else:
        sheets = xls.sheets_of(path)
        is_other = path.suffix.lower() not in (".xls", ".xlt", ".opened")
        yield sheets, (FormNote("suffix_wrong"),) if is_other else ()


def read(
    path: Path,
    kind: str,
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    prefix: str,
    password: str | None,
    opened: Path | None,
) -> ReadResult:
    """Read a workbook; see `ingest.readers.read`. `row_number` is the 1-based row of the sheet."""

    def open_protected(locked: Path) -> Path:
        return opened or protected.opened(locked, password, scratch, prefix)

    try:
        with open_sheets(path, kind, connection, open_protected) as (sheets, notes):
            form = base_table.profile_of(sheets, contract, profile)
            if form:
                return base_table.read_forms(path, sheets, contract, form, connection, prefix, notes)
            return grid.read_sheets(path.name, "xlsx", sheets, contract, profile, connection, prefix, notes)
    finally:
        (scratch / f"{prefix}.opened").unlink(missing_ok=True)


def first_text(path: Path, kind: str) -> str | None:
    """Return the first text of the first visible sheet, where a template keeps its title; null where it is locked."""

    def refuse(locked: Path) -> Path:
        return protected.opened(locked, None, locked.parent, "")

    with (
        unreadable(path.name),
        in_memory() as connection,
        open_sheets(path, kind, connection, refuse) as (sheets, _),
    ):
        return grid.first_text(sheets)
