"""CSV: read by a fast parser under the dialect that was recognised, or record by record where that would be a guess."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote
from ingest.inbox import Source
from ingest.readers import records
from ingest.readers.dialect import Dialect, detect_encoding, first_text, peek
from ingest.readers.form import Form, recognise_form
from ingest.readers.guard import unreadable
from ingest.readers.table import ReadResult, body

__all__ = ["first_text", "read"]

COLUMNS_MAXIMUM = 1_024
BLOCK_BYTES = 8 << 20
"""A record is at most this long; memory is a few blocks."""


class _UnevenError(Exception):
    """A record is not as wide as the header, or the fast parser cannot tell records apart."""


def _copy(path: Path, encoding: str, mark: int, start: int, target: Path) -> None:
    """Write the file as UTF-8 without mark, beginning `start` characters after it."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
<<<<<<< HEAD
    try:
        with path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def detect_encoding(path: Path) -> tuple[str, int]:
    """Return the encoding and the length of its byte-order mark.

    Raises:
        RejectedFileError: the bytes are neither UTF-8 nor GB18030 (nor UTF-16 with a mark).
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    for encoding in ("utf-8", "gb18030"):
        if _decodes(path, encoding):
            return encoding, 0
    raise RejectedFileError(path.name, "encoding_unreadable", "Save it as CSV UTF-8 and send it again.")


def peek(path: Path, encoding: str, mark: int) -> str:
    with path.open("rb") as stream:
        stream.seek(mark)
        return codecs.getincrementaldecoder(encoding)("replace").decode(stream.read(PEEK_BYTES))


def first_text(path: Path) -> str | None:
    """Return the first cell of a CSV file that is not blank."""
    encoding, mark = detect_encoding(path)
    for row in csv.reader(io.StringIO(peek(path, encoding, mark), newline="")):
        for cell in row:
            if cell.strip():
                return cell.strip()
    return None


def _records(text: str, delimiter: str) -> list[list[str]]:
    """Return the first records; the last is left out where it may be cut off."""
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return []
    return records[:-1] if len(text) * 2 >= PEEK_BYTES and len(records) > 1 else records


def best_header(file: str, text: str, contract: Contract, profile: str | None) -> tuple[str, list[list[str]], Header]:
    """Return the delimiter under which the most columns are recognised, its first records and their header."""
    best: tuple[int, str, list[list[str]], Header] | None = None
    refusal: RejectedFileError | None = None
    for delimiter in DELIMITERS:
        records = _records(text, delimiter)
        try:
            header = recognise(file, records, contract, profile, "csv")
        except RejectedFileError as error:
            # A refusal that names a column says more than that no header was found.
            refusal = error if refusal is None or error.field else refusal
            continue
        if best is None or len(header.columns) > best[0]:
            best = (len(header.columns), delimiter, records, header)
    if best is None:
        assert refusal is not None
        raise refusal
    return best[1:]


def _copy_from_header(path: Path, encoding: str, mark: int, skip_records: int, target: Path) -> None:
    """Write the file as UTF-8 without mark, beginning with its header record."""
    with path.open("rb") as raw:
=======
    with path.open("rb") as raw, target.open("w", encoding="utf-8", newline="") as out:
>>>>>>> e4dfa71 (Read every broken CSV right or say which row is not: dialects by header and evenness, faulty rows quarantined one by one)
        raw.seek(mark)
        while piece := raw.read(1 << 20):
            text = decoder.decode(piece)
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
) -> ReadResult:
    """Read a CSV file; see `ingest.readers.read`.

    `row_number` is the record's ordinal with the header as 1. A record that is not as wide as the header is a faulty
    row; where most are, the file is refused.
    """
    path = source.path
    encoding, mark = detect_encoding(path)
<<<<<<< HEAD
    text = peek(path, encoding, mark)
    delimiter, records, header = best_header(path.name, text, contract, profile)
=======
    text, is_whole = peek(path, encoding, mark)
    form = recognise_form(path.name, text, is_whole, contract, profile)
    if form.width > COLUMNS_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", f"It has {form.width} columns; no dataset has so many.")
>>>>>>> e4dfa71 (Read every broken CSV right or say which row is not: dialects by header and evenness, faulty rows quarantined one by one)
    notes = [FormNote("encoding_gb18030")] if encoding == "gb18030" else []
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
        has_faults = _load(connection, path.name, readable, form, table, copies[1])
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)
    fields, dropped = body(
        connection, table, form.width, form.header, contract, None, form.header_rows, has_faults=has_faults
    )
    if dropped and FormNote("extra_rows_dropped") not in notes:
        notes.append(FormNote("extra_rows_dropped"))
    connection.execute(f"update {table} set row_number = row_number - {form.header_rows - 1}")
    if has_faults:
        _check_faults(connection, path.name, table)
    return ReadResult(form.header.profile, (fields,), tuple(notes), encoding, form.header.title)


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
    connection: duckdb.DuckDBPyConnection, file: str, readable: Path, form: Form, table: str, rewritten: Path
) -> bool:
    """Load all records into `table` (row_number, c0, c1, …); return whether it was done record by record.

    Raises:
        RejectedFileError: the file cannot be read as a table.
    """
    if form.dialect.is_plain and records.is_well_formed(readable, form.dialect):
        try:
            _load_fast(connection, readable, form.dialect, form.width, table)
        except _UnevenError:
            pass
        else:
            return False
    dialect = records.rewrite(readable, rewritten, file, form.dialect, form.width, form.header_rows)
    with unreadable(file):
        _load_fast(connection, rewritten, dialect, form.width, table)
    connection.execute(f"alter table {table} add column row_fault varchar")
    return True


def _load_fast(connection: duckdb.DuckDBPyConnection, readable: Path, dialect: Dialect, width: int, table: str) -> None:
    """Load all records of a UTF-8 file.

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
        connection.register("csv_records", _numbered(reader))
        connection.execute(f"create or replace temp table {table} as select * from csv_records order by row_number")
    except (pa.ArrowInvalid, duckdb.InvalidInputException):
        raise _UnevenError from None
    finally:
        connection.unregister("csv_records")


def _numbered(reader: pacsv.CSVStreamingReader) -> pa.RecordBatchReader:
    """Return the records with their ordinal before them, batch by batch."""
    schema = pa.schema([pa.field("row_number", pa.int32()), *reader.schema])

    def batches() -> Iterator[pa.RecordBatch]:
        start = 1
        for batch in reader:
            ordinals = pa.array(range(start, start + batch.num_rows), pa.int32())
            start += batch.num_rows
            yield pa.RecordBatch.from_arrays([ordinals, *batch.columns], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
