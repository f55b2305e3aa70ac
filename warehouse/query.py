"""Answers SQL on the published version: one SELECT, no file, no other database, no change of settings."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from edu.errors import EduError, ExitCode, WarehouseError
from edu.paths import Home
from edu.settings import get_settings
from warehouse.publish import current_file

FORMATS = ("table", "csv", "json", "parquet")
INJECTION = ("=", "+", "-", "@")
"""A text cell that begins so is a formula to a spreadsheet (dirty-data catalogue class 50)."""


class QueryError(EduError):
    """The SQL cannot be answered; says why."""

    exit_code = ExitCode.USAGE


def open_published(home: Home) -> duckdb.DuckDBPyConnection:
    """Return a locked, read-only connection to what is published.

    Raises:
        WarehouseError: nothing is published.
    """
    path = current_file(home)
    if not path.exists():
        raise WarehouseError("nothing is published yet; run edu publish first.")
    return duckdb.connect(
        str(path.resolve()),
        read_only=True,
        config={
            "threads": get_settings().threads,
            "memory_limit": get_settings().memory_limit,
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "lock_configuration": "true",
        },
    )


def run_query(home: Home, sql: str) -> pa.Table:
    """Return the rows of one SELECT.

    Raises:
        QueryError: it is no single SELECT, or the engine refuses it.
    """
    with open_published(home) as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryError(f"the SQL cannot be read: {_first_line(error)}") from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("one SELECT is answered at a time; other statements are not.")
        try:
            return connection.execute(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(f"the query failed: {_first_line(error)}") from None


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; the platform's reader takes away exactly the apostrophe.

    A text that has apostrophes before its sign already gets one more, so that the way back is the same for all.
    """
    is_formula = isinstance(value, str) and value.lstrip("'").startswith(INJECTION)
    return f"'{value}" if is_formula else value


def write(table: pa.Table, form: str, out: BinaryIO) -> None:
    """Write rows as csv, json or parquet.

    Raises:
        QueryError: the form is none of them.
    """
    if form == "csv":
        text = io.TextIOWrapper(out, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=10_000):
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([neutral(value) for value in row] for row in zip(*columns, strict=True))
        text.flush()
        text.detach()
    elif form == "json":
        out.write(json.dumps(table.to_pylist(), ensure_ascii=False, default=_plain, indent=1).encode() + b"\n")
    elif form == "parquet":
        pq.write_table(table, out)
    else:
        raise QueryError(f"format {form!r} is none of {', '.join(FORMATS)}.")


def _plain(value: Any) -> Any:
    """Return a JSON form: numbers as numbers, dates as ISO."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def published_path(home: Home) -> Path:
    """Return the file that is served."""
    return current_file(home).resolve()
