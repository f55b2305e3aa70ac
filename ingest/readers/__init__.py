"""Reads a source as text tables: one VARCHAR column a recognised field, and the row's number."""

from __future__ import annotations

from pathlib import Path

import duckdb

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.inbox import Source
from ingest.readers import csv, excel, parquet, sniff
from ingest.readers.table import FieldTable, ReadResult

__all__ = ["FieldTable", "ReadResult", "peek_title", "read"]


def peek_title(source: Source) -> str | None:
    """Return the first text cell of a file, where the template keeps its title row; null where there is none.

    Never raises for a file that cannot be read: `read` says what is wrong with it.
    """
    path = source.parts[0].path
    try:
        kind = sniff.kind_of(path)
        if kind == "xlsx":
            return excel.first_text(path)
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
) -> ReadResult:
    """Read a source for a contract.

    Args:
        source: a file or a bundle.
        contract: the dataset.
        profile: its form, or null to recognise it.
        connection: where text tables named `<prefix>_<n>` are made.
        scratch: a private folder for a converted copy; the caller removes it.
        prefix: begins the names of this source's tables.

    Raises:
        RejectedFileError: the file cannot be read as this dataset.
    """
    kinds = {sniff.kind_of(part.path) for part in source.parts}
    if len(kinds) > 1:
        raise RejectedFileError(source.path.name, "format_unknown", "The parts of a bundle must be of one format.")
    kind = kinds.pop()
    if kind == "parquet":
        return parquet.read(source, contract, profile, connection)
    if source.is_bundle:
        raise RejectedFileError(source.path.name, "format_unknown", "A bundle of partitions must be Parquet.")
    if kind == "xlsx":
        return excel.read(source, contract, profile, connection, prefix)
    return csv.read(source, contract, profile, connection, scratch, prefix)
