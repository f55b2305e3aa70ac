"""The content digest: equal where the content is equal, whatever the order, the threads and the file's layout."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from edu.errors import WarehouseError

CATALOG_TABLE = "column_catalog"
SKIPPED_SCHEMAS = ("information_schema", "pg_catalog", "main")


def _left_out(connection: duckdb.DuckDBPyConnection, with_pseudonyms: bool) -> set[tuple[str, str, str]]:
    """Return (schema, table, column) of what is declared volatile, and of pseudonyms unless they are wanted."""
    place = connection.execute(
        "select schema_name from duckdb_tables() where table_name = ? and not internal", [CATALOG_TABLE]
    ).fetchone()
    if place is None:
        raise WarehouseError("the file has no column catalog, so it was not built to the end; build it again.")
    condition = "is_volatile" if with_pseudonyms else "is_volatile or is_pseudonym"
    rows = connection.execute(
        f'select schema_name, table_name, column_name from "{place[0]}".{CATALOG_TABLE} where {condition}'
    ).fetchall()
    return {(row[0], row[1], row[2]) for row in rows}


def table_digest(connection: duckdb.DuckDBPyConnection, schema: str, table: str, columns: list[str]) -> str:
    """Return SHA-256 over a table's rows as canonical text, in the order of that text.

    A row is the SHA-256 of its values, each with its length before it, so that no two rows read the same.
    """
    values = ", ".join(
        f"case when \"{name}\" is null then 'n' else length(cast(\"{name}\" as varchar)) || ':' "
        f'|| cast("{name}" as varchar) end'
        for name in columns
    )
    digest = hashlib.sha256()
    cursor = connection.execute(
        f'select sha256(concat_ws(\'|\', {values})) as row_hash from "{schema}"."{table}" order by row_hash'
    )
    while rows := cursor.fetchmany(100_000):
        for (row_hash,) in rows:
            digest.update(row_hash.encode())
    return digest.hexdigest()


def digest(database: Path, *, with_pseudonyms: bool = False) -> str:
    """Return the digest of all tables of a warehouse or published file.

    Raises:
        WarehouseError: there is no such file, or it was not built to the end.
    """
    if not database.exists():
        raise WarehouseError(f"{database.name} does not exist; build or publish first.")
    try:
        connection = duckdb.connect(str(database), read_only=True)
    except duckdb.Error as error:
        raise WarehouseError(f"{database.name} cannot be opened ({type(error).__name__}).") from None
    whole = hashlib.sha256()
    with connection:
        left_out = _left_out(connection, with_pseudonyms)
        tables = connection.execute(
            "select schema_name, table_name, list(column_name order by column_name) from duckdb_columns() "
            "where not internal and schema_name not in (select unnest(?)) group by all order by all",
            [list(SKIPPED_SCHEMAS)],
        ).fetchall()
        for schema, table, columns in tables:
            kept = [name for name in columns if (schema, table, name) not in left_out]
            if kept:
                content = table_digest(connection, schema, table, kept)
                whole.update(f"{schema}.{table}({','.join(kept)})={content}\n".encode())
    return whole.hexdigest()
