"""CSV: read by a fast parser under the dialect that was recognised, or record by record where that would be a guess."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote
from ingest.inbox import Source
from ingest.readers import mixed, records
from ingest.readers.dialect import Dialect, detect_encoding, first_text, peek
from ingest.readers.form import Form, recognise_form
from ingest.readers.guard import unreadable
from ingest.readers.table import Judge, ReadResult, body

__all__ = ["as_sent", "detect_encoding", "first_text", "read"]

COLUMNS_MAXIMUM = 1_024
BLOCK_BYTES = 4 << 20
"""A record is at most this long; memory is a few blocks."""

RECORDS = "csv_records"
"""Name of the records of a file while they are loaded."""
ENCODING_NOTES = {"gb18030": "encoding_gb18030", mixed.ENCODING: "encoding_mixed"}


class _UnevenError(Exception):
    """A record is not as wide as the header, or the fast parser cannot tell records apart."""


def _copy(path: Path, encoding: str, mark: int, start: int, target: Path) -> None:
    """Write the file as UTF-8 without mark, beginning `start` characters after it.

    Raises:
        RejectedFileError: it holds characters of number zero, which a mark does not rule out.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with path.open("rb") as raw, target.open("w", encoding="utf-8", newline="") as out:
        raw.seek(mark)
        while piece := raw.read(1 << 20):
            text = decoder.decode(piece)
            if "\0" in text:
                raise RejectedFileError(path.name, "format_unknown", "It is no text; save it as .xlsx or CSV.")
            out.write(text[start:])
            start = max(0, start - len(text))
        out.write(decoder.decode(b"", final=True))
    target.chmod(0o600)


def read(
    source: Source,
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    prefix: str,
    judge: Judge | None = None,
) -> ReadResult:
    """Read a CSV file; see `ingest.readers.read`.

    `row_number` is the record's ordinal with the header as 1. A record that is not as wide as the header is a faulty
    row; where most are, the file is refused.
    """
    path = source.path
    encoding, mark = detect_encoding(path)
    text, is_whole = peek(path, encoding, mark)
    form = recognise_form(path.name, text, is_whole, contract, profile)
    if form.width > COLUMNS_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", f"It has {form.width} columns; no dataset has so many.")
    notes = [FormNote(ENCODING_NOTES[encoding])] if encoding in ENCODING_NOTES else []
    if mark and encoding == "utf-8":
        notes.append(FormNote("bom_removed"))
    notes.extend(form.header.notes)
    readable = path
    copies = [scratch / f"{prefix}.csv", scratch / f"{prefix}.records.csv"]
    table = f"{prefix}_0"
    try:
        if encoding != "utf-8" or form.start or mark:
            readable = copies[0]
            try:
                _copy(path, encoding, mark, form.start, readable)
            except UnicodeDecodeError:
                raise RejectedFileError(path.name, "encoding_unreadable", "Save it as CSV UTF-8.") from None
        has_faults = _load(connection, path.name, readable, form, table, copies[1], judge)
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)
    fields, dropped, said = body(
        connection,
        table,
        form.width,
        form.header,
        contract,
        None,
        form.header_rows,
        has_faults=has_faults,
        is_judged=judge is not None and not has_faults,
    )
    notes.extend(note for note in said if note not in notes)
    if form.header_rows > 1:
        connection.execute(f"update {table} set row_number = row_number - {form.header_rows - 1}")
    if has_faults:
        _check_faults(connection, path.name, table)
    return ReadResult(
        form.header.profile, (fields,), tuple(notes), encoding, form.header.title, form.header.extra_rows + dropped
    )


def as_sent(path: Path, contract: Contract, profile: str | None) -> tuple[Form, Iterator[list[str]]]:
    """Return a file's form and its records from the header on, as they are counted by `read`.

    A faulty record is an empty list.

    Raises:
        RejectedFileError: no header is found, or the records cannot be told apart.
    """
    encoding, mark = detect_encoding(path)
    text, is_whole = peek(path, encoding, mark)
    form = recognise_form(path.name, text, is_whole, contract, profile)

    def found() -> Iterator[list[str]]:
        with path.open(encoding=encoding, newline="") as stream:
            stream.read(form.start + (1 if mark else 0))
            for record in records.records(stream, path.name, form.dialect, form.shape):
                yield [] if record[0] == records.FAULTY else record

    return form, found()


def _check_faults(connection: duckdb.DuckDBPyConnection, file: str, table: str) -> None:
    """Mark faulty rows; refuse the file where more than half are, because then its form was not understood.

    Raises:
        RejectedFileError: most rows are faulty.
    """
    connection.execute(f"update {table} set row_fault = 'columns_uneven', c0 = null where c0 = '{records.FAULTY}'")
    rows, faulty, first = connection.execute(
        f"select count(*), count(row_fault), min(row_number) filter (where row_fault is not null) from {table}"
    ).fetchone() or (0, 0, None)
    if faulty * 2 > rows:
        raise RejectedFileError(
            file,
            "table_uneven",
            f"{faulty} of {rows} records are not as wide as the header; mend commas and quotes.",
            row_number=first,
        )


def _load(
    connection: duckdb.DuckDBPyConnection,
    file: str,
    readable: Path,
    form: Form,
    table: str,
    rewritten: Path,
    judge: Judge | None,
) -> bool:
    """Load all records into `table` (row_number, c0, c1, …, and is_plain where a judge is given); return whether it was
    done record by record, with `row_fault` and without a judge.

    Raises:
        RejectedFileError: the file cannot be read as a table.
    """
    quotes = records.quotes_of(readable, form.dialect) if form.dialect.is_plain else records.Quotes.UNSURE
    if quotes is not records.Quotes.UNSURE:
        try:
            select = judge(form.header.profile, form.header.columns, RECORDS) if judge else None
            _load_fast(connection, readable, form.dialect, form.width, table, select)
            if quotes is records.Quotes.SURE:
                _check_swallowed(connection, table, form)
        except _UnevenError:
            pass
        else:
            return False
    dialect = records.rewrite(readable, rewritten, file, form.dialect, form.shape)
    with unreadable(file):
        _load_fast(connection, rewritten, dialect, form.width, table)
    connection.execute(f"alter table {table} add column row_fault varchar")
    return True


def _check_swallowed(connection: duckdb.DuckDBPyConnection, table: str, form: Form) -> None:
    """Look for cells that may have swallowed records.

    Raises:
        _UnevenError: there is one; its record is to be looked at line by line.
    """
    condition = records.swallows_sql([f"c{i}" for i in range(form.width)], form.dialect, form.shape)
    if connection.execute(
        f"select 1 from {table} where row_number > {form.header_rows} and {condition} limit 1"
    ).fetchone():
        raise _UnevenError


def _load_fast(
    connection: duckdb.DuckDBPyConnection,
    readable: Path,
    dialect: Dialect,
    width: int,
    table: str,
    select: str | None = None,
) -> None:
    """Load all records of a UTF-8 file by a SELECT over `RECORDS`.

    Raises:
        _UnevenError: a record has another width.
    """
    names = [f"c{i}" for i in range(width)]
    try:
        reader = pacsv.open_csv(
            readable,
            read_options=pacsv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
                ignore_empty_lines=False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        connection.register(RECORDS, _numbered(reader))
        connection.execute(f"create or replace temp table {table} as {select or f'select * from {RECORDS}'}")
    except (pa.ArrowInvalid, duckdb.InvalidInputException):
        raise _UnevenError from None
    finally:
        connection.unregister(RECORDS)


def _numbered(reader: pacsv.CSVStreamingReader) -> pa.RecordBatchReader:
    """Return the records with their ordinal before them, batch by batch."""
    schema = pa.schema([pa.field("row_number", pa.int32()), *reader.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        start = 1
        for batch in reader:
            ordinals = pa.array(np.arange(start, start + batch.num_rows, dtype=np.int32))
            start += batch.num_rows
            yield pa.RecordBatch.from_arrays([ordinals, *batch.columns], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
