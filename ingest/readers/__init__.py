"""Reads a source as text tables: one VARCHAR column a recognised field, and the row's number."""

from __future__ import annotations

from pathlib import Path

import duckdb

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.inbox import Source
from ingest.readers import csv, parquet, roster, sniff, workbook, xapi
from ingest.readers.table import FieldTable, Judge, ReadResult

__all__ = ["FieldTable", "ReadResult", "peek_title", "read"]


def peek_title(source: Source) -> str | None:
    """Return the first text cell of a file, where the template keeps its title row; null where there is none.

    Never raises for a file that cannot be read: `read` says what is wrong with it.
    """
    path = source.parts[0].path
    try:
        kind = sniff.kind_of(path)
        if kind in workbook.KINDS:
            return workbook.first_text(path, kind)
        return csv.first_text(path) if kind == "csv" else None
    except (RejectedFileError, OSError):
        return None


def read(
    source: Source,
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    prefix: str,
    password: str | None = None,
    opened: Path | None = None,
    judge: Judge | None = None,
) -> ReadResult:
    """Read a source for a contract.

    Args:
        source: a file or a bundle.
        contract: the dataset.
        profile: its form, or null to recognise it.
        connection: where text tables named `<prefix>_<n>` are made.
        scratch: a private folder for a converted copy; the caller removes it.
        prefix: begins the names of this source's tables.
        password: opens an encrypted workbook; it is kept nowhere.
        opened: the encrypted workbook as the password opened it before.
        judge: tells rows that need no cleaning while they are read, where the reader can.

    Raises:
        RejectedFileError: the file cannot be read as this dataset.
    """
    if source.roster:
        return roster.read(source, contract, connection, scratch, prefix)
    kinds = {sniff.kind_of(part.path) for part in source.parts}
    if len(kinds) > 1:
        raise RejectedFileError(source.path.name, "format_unknown", "The parts of a bundle must be of one format.")
    kind = kinds.pop()
    if kind == "parquet":
        return parquet.read(source, contract, profile, connection)
    if source.is_bundle:
        raise RejectedFileError(source.path.name, "format_unknown", "A bundle of partitions must be Parquet.")
    if kind == "json":
        return xapi.read(source, contract, connection, prefix)
    if kind in workbook.KINDS:
        return workbook.read(source.path, kind, contract, profile, connection, scratch, prefix, password, opened)
    return csv.read(source, contract, profile, connection, scratch, prefix, judge)
