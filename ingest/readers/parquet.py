"""Parquet: columns by name, values as text, partition folders as constant columns."""

from __future__ import annotations

import duckdb

from edu.clock import SHANGHAI
from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote, recognise
from ingest.inbox import Part, Source
from ingest.readers.table import FieldTable, ReadResult, literal, quoted

FLOATS = ("DOUBLE", "FLOAT")
EXACT_FLOAT = 1e15
PULLED = "database"
DELETED_COLUMN = "is_deleted_at_source"


def _as_text(column: str, kind: str, is_date: bool) -> str:
    name = quoted(column)
    if kind == "BLOB":
        # Some writers do not say that their bytes are a text.
        return f"coalesce(try(decode({name})), cast({name} as varchar))"
    if kind == "TIMESTAMP WITH TIME ZONE":
        # A moment, whatever the zone of this machine; a day is the day here.
        form = "%Y-%m-%d" if is_date else "%Y-%m-%d %H:%M:%S.%f"
        return f"strftime(timezone('{SHANGHAI.key}', {name}), '{form}')"
    if kind in FLOATS:
        return (
            f"case when isfinite({name}) and {name} = floor({name}) and abs({name}) < {EXACT_FLOAT:.0f} "
            f"then cast(cast({name} as bigint) as varchar) "
            f"when abs({name}) >= {EXACT_FLOAT:.0f} then printf('%.14E', cast({name} as double)) "
            f"when isfinite({name}) then cast({name} as varchar) end"
        )
    return f"cast({name} as varchar)"


def _columns(connection: duckdb.DuckDBPyConnection, source: Source, part: Part) -> dict[str, str]:
    try:
        rows = connection.execute(f"describe select * from {_scan(part)}").fetchall()
    except duckdb.Error as error:
        raise RejectedFileError(
            source.path.name, "file_unreadable", f"The Parquet file is broken ({type(error).__name__}); write it again."
        ) from None
    return {row[0]: row[1] for row in rows}


def _scan(part: Part) -> str:
    return f"read_parquet({literal(str(part.path))}, hive_partitioning = false)"


def read(source: Source, contract: Contract, profile: str | None, connection: duckdb.DuckDBPyConnection) -> ReadResult:
    """Read a Parquet file or a bundle of them; see `ingest.readers.read`.

    `row_number` is the record's ordinal in its file with the header as 1, so the first record is 2.
    """
    tables: list[FieldTable] = []
    notes: list[FormNote] = []
    for part in source.parts:
        kinds = _columns(connection, source, part)
        constants = dict(part.constants)
        # A pull marks the rows whose key is gone from its source.
        has_deletes = profile == PULLED and kinds.pop(DELETED_COLUMN, None) == "BOOLEAN"
        names = [name for name in kinds if name not in constants] + list(constants)
        header = recognise(source.path.name, [names], contract, profile, "parquet")
        profile = header.profile
        selected = []
        for i, field in header.columns.items():
            name, is_date = names[i], contract.field(field).type == "date"
            value = literal(constants[name]) if name in constants else _as_text(name, kinds[name], is_date)
            selected.append(f"{value} as {quoted(field)}")
        if has_deletes:
            selected.append(f"{quoted(DELETED_COLUMN)} as is_deleted")
        relation = (
            f"select cast(file_row_number + 2 as integer) as row_number, {', '.join(selected)} "
            f"from read_parquet({literal(str(part.path))}, hive_partitioning = false, file_row_number = true)"
        )
        tables.append(FieldTable(part.name, relation, tuple(header.columns.values()), has_deletes))
        notes.extend(note for note in header.notes if note not in notes)
    assert profile is not None
    _check_readable(connection, source, tables)
    return ReadResult(profile, tuple(tables), tuple(notes))


def _check_readable(connection: duckdb.DuckDBPyConnection, source: Source, tables: list[FieldTable]) -> None:
    for table in tables:
        try:
            connection.execute(f"select count(row_number) from ({table.relation})").fetchone()
        except duckdb.Error as error:
            raise RejectedFileError(
                source.path.name, "file_unreadable", f"The Parquet file is broken ({type(error).__name__})."
            ) from None
