"""CSV: encoding by BOM, then strict UTF-8, then GB18030; dialect given, never guessed by the parser."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote, Header, recognise
from ingest.inbox import Source
from ingest.readers.table import FOOTER_WORDS, ReadResult, body

DELIMITERS = (",", "\t", ";", "|")
PEEK_BYTES = 1 << 18
COLUMNS_MAXIMUM = 2_000
BLOCK_BYTES = 8 << 20
"""A record is at most this long; memory is a few blocks."""
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
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
        raw.seek(mark)
        stream = codecs.getreader(encoding)(raw, "strict")
        with target.open("w", encoding="utf-8", newline="") as out:
            for _ in range(skip_records):
                _skip_record(stream)
            while piece := stream.read(1 << 20):
                out.write(piece)
    target.chmod(0o600)


def _skip_record(stream: codecs.StreamReader) -> None:
    """Read one record, quoted newlines included, from a text stream."""
    text = ""
    while line := stream.readline():
        text += line
        if text.count('"') % 2 == 0:
            return


def read(
    source: Source,
    contract: Contract,
    profile: str | None,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    prefix: str,
) -> ReadResult:
    """Read a CSV file; see `ingest.readers.read`.

    `row_number` is the record's ordinal with the header as 1.
    """
    path = source.path
    encoding, mark = detect_encoding(path)
    text = peek(path, encoding, mark)
    delimiter, records, header = best_header(path.name, text, contract, profile)
    notes = [FormNote("encoding_gb18030")] if encoding == "gb18030" else []
    if mark and encoding == "utf-8":
        notes.append(FormNote("bom_removed"))
    notes.extend(header.notes)
    readable = path
    skipped = header.first_row
    if encoding != "utf-8" or skipped or mark:
        readable = scratch / f"{prefix}.csv"
        _copy_from_header(path, encoding, mark, skipped, readable)
    header_rows = header.last_row - header.first_row + 1
    width = max(len(records[row]) for row in range(header.first_row, header.last_row + 1))
    table = f"{prefix}_0"
    dropped = _load(connection, path.name, readable, delimiter, width, table)
    fields, more = body(connection, table, width, header, contract, None, header_rows)
    if (dropped or more) and FormNote("extra_rows_dropped") not in notes:
        notes.append(FormNote("extra_rows_dropped"))
    connection.execute(f"update {table} set row_number = row_number - {header_rows - 1}")
    if readable != path:
        readable.unlink()
    return ReadResult(header.profile, (fields,), tuple(notes), encoding, header.title)


def _load(
    connection: duckdb.DuckDBPyConnection, file: str, readable: Path, delimiter: str, width: int, table: str
) -> int:
    """Load all records into `table` (row_number, c0, c1, …); return how many total and signature lines were left out.

    Raises:
        RejectedFileError: a record has another number of columns than the header, or a quote is never closed.
    """
    if width > COLUMNS_MAXIMUM:
        raise RejectedFileError(file, "file_too_large", f"It has {width} columns; no dataset has so many.")
    uneven: list[int] = []
    dropped: list[str] = []

    def judge(row: pacsv.InvalidRow) -> str:
        first = next((cell.strip(' "') for cell in row.text.split(delimiter) if cell.strip(' "')), "")
        if not first or first.startswith(FOOTER_WORDS):
            dropped.append(first)
            return "skip"
        uneven.append(row.actual_columns)
        return "error"

    names = [f"c{i}" for i in range(width)]
    try:
        reader = pacsv.open_csv(
            readable,
            read_options=pacsv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=judge),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        connection.register("csv_records", _numbered(reader))
        connection.execute(f"create or replace temp table {table} as select * from csv_records order by row_number")
    except (pa.ArrowInvalid, duckdb.Error):
        if uneven:
            problem = f"A record has {uneven[0]} columns, the header {width}; mend the commas and quotes."
        else:
            problem = "The records cannot be told apart; check the quotes, or save it as CSV again."
        raise RejectedFileError(file, "columns_uneven", problem) from None
    finally:
        connection.unregister("csv_records")
    return sum(bool(first) for first in dropped)


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
