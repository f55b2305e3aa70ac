"""What every reader returns, and the rows that no reader returns: headers, totals, signatures, blanks."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from edu.contract import Contract
from ingest import units
from ingest.header import FormNote, Header

FOOTER_WORDS = (
    *("合计", "总计", "小计", "共计", "填表人", "填报人", "制表人", "审核人", "负责人", "单位负责人", "学校负责人"),
    *("填表日期", "填报日期", "报出日期", "联系人", "盖章", "签章", "备注", "说明", "注:", "注："),
)
"""How the first text of a total or signature row begins (dirty-data catalogue class 6)."""


@dataclass(frozen=True)
class FieldTable:
    """Body rows of one table: SQL text of a SELECT that gives row_number and one VARCHAR per recognised field."""

    sheet: str | None
    relation: str
    fields: tuple[str, ...]
    has_deletes: bool = False
    """Whether the SELECT gives `is_deleted` too: a boolean that marks a row as the removal of its key."""
    has_faults: bool = False
    """Whether the SELECT gives `row_fault` too: the reason why a row cannot be read at all, else null."""
    name: str | None = None
    """The temporary table that the SELECT alone reads; it can go once its rows were taken."""


@dataclass(frozen=True)
class ReadResult:
    """A source as read."""

    profile: str
    tables: tuple[FieldTable, ...]
    notes: tuple[FormNote, ...]
    encoding: str | None = None
    title: str | None = field(default=None)
    rows_dropped: int = 0
    """Rows that are neither header nor body: titles and notes above, repeated headers, sums and signatures."""


def quoted(name: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def body(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    width: int,
    header: Header,
    contract: Contract,
    sheet: str | None,
    after_row: int,
    has_faults: bool = False,
) -> tuple[FieldTable, int]:
    """Take repeated headers, blank, code, total and signature rows out of a raw table; return the rest and how many were not blank.

    The raw table has `row_number` and text columns c0, c1, …; body rows come after `after_row`. With
    `has_faults` it has `row_fault` too.
    """
    columns = [f"c{i}" for i in range(width)]
    # Exports put one below the other have their header between them too.
    same = " and ".join(f"r.c{i} is not distinct from h.c{i}" for i in header.columns)
    repeated = connection.execute(
        f"delete from {table} as r using {table} as h where h.row_number = {after_row} "
        f"and r.row_number > {after_row} and {same}"
    ).fetchone()
    connection.execute(f"delete from {table} where row_number <= {after_row}")
    first = "coalesce(" + ", ".join(f"nullif(trim({c}), '')" for c in columns) + ")"
    words = "|".join(FOOTER_WORDS)
    key_column = next((f"c{i}" for i, name in header.columns.items() if name == contract.school_field), None)
    # A row whose school begins with a digit is one of the body: nothing else of it need be looked at.
    is_open = f"coalesce(not regexp_matches({key_column}, '^\\s*''?\\d'), true)" if key_column else "true"
    connection.execute(f"delete from {table} where {is_open} and {first} is null")
    is_note = f"{is_open} and (regexp_matches({first}, '^({words})') or regexp_matches({first}, '^KD_[A-Z]*\\d+$'))"
    removed = connection.execute(f"delete from {table} where {is_note}").fetchone()
    cells = {
        i: units.in_own_unit(contract.field(name), header.units[i], f"c{i}") if i in header.units else f"c{i}"
        for i, name in header.columns.items()
    }
    selected = ", ".join(f"{cells[i]} as {quoted(name)}" for i, name in sorted(header.columns.items()))
    fault = "row_fault, " if has_faults else ""
    relation = f"select row_number, {fault}{selected} from {table}"
    fields = FieldTable(sheet, relation, tuple(header.columns.values()), has_faults=has_faults, name=table)
    return fields, sum(int(row[0]) for row in (repeated, removed) if row)
