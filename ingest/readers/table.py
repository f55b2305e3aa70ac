"""What every reader returns, and the rows that no reader returns: headers, totals, signatures, blanks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from edu.contract import Contract
from ingest import units
from ingest.header import FormNote, Header
from ingest.protected_text import inside_sql, is_protected_sql, opens_sql

FOOTER_WORDS = (
    *("合计", "总计", "小计", "共计", "填表人", "填报人", "制表人", "审核人", "负责人", "单位负责人", "学校负责人"),
    *("填表日期", "填报日期", "报出日期", "联系人", "盖章", "签章", "备注", "说明", "注:", "注："),
)
"""How the first text of a total or signature row begins (dirty-data catalogue class 6)."""
COUNT_NOTE = r"^(共\s*[0-9０-９]+\s*[人行条名页]|第\s*[0-9０-９]+\s*页)"
"""How the only text of a row begins that says how many rows, or which page, there are, as print exports write it."""
BLANKS = " \t\r\n\u3000\u00a0\ufeff"


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
    judged: str | None = None
    """The SELECT with two columns more, where the table has the verdict of `Judge`: `row_id`, which counts in the order of
    the file, and `is_plain`."""


Judge = Callable[[str, Mapping[int, str], str], str]
"""From a profile, the field of each column by its index, and a relation with columns c0, c1, …: a SELECT of the relation
with `is_plain` beside it, whether the row needs no cleaning."""


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


def _unprotect(
    connection: duckdb.DuckDBPyConnection, table: str, header: Header, after_row: int, is_suspect: str
) -> list[FormNote]:
    """Take texts out of Excel's `="…"`, the header's too; return a note for each column whose body had them."""
    notes = []
    # Nearly no file has any: the beginnings are looked at first.
    openings = ", ".join(f"bool_or({opens_sql(f'c{i}')})" for i in sorted(header.columns))
    found = connection.execute(f"select {openings} from {table} where {is_suspect}").fetchone() or ()
    for i in (i for i, has_opening in zip(sorted(header.columns), found, strict=True) if has_opening):
        condition = f"{opens_sql(f'c{i}')} and {is_protected_sql(f'c{i}')}"
        [last] = connection.execute(f"select max(row_number) from {table} where {condition}").fetchone() or (None,)
        connection.execute(f"update {table} set c{i} = {inside_sql(f'c{i}')} where {condition}")
        if last is not None and last > after_row:
            notes.append(FormNote("text_protection_removed", header.columns[i]))
    return notes


def _trimmed(column: int) -> str:
    return f"nullif(trim(c{column}, {literal(BLANKS)}), '')"


def _is_row_again(connection: duckdb.DuckDBPyConnection, table: str, row_number: int, columns: Iterable[int]) -> str:
    """Return the condition that a row says in some columns what another does, white space around it aside."""
    wanted = sorted(columns)
    texts = connection.execute(
        f"select {', '.join(_trimmed(i) for i in wanted)} from {table} where row_number = {row_number}"
    ).fetchone() or (None,) * len(wanted)
    same = [
        f"{_trimmed(i)} is null"
        if text is None
        else f"coalesce(contains(c{i}, {literal(text)}) and {_trimmed(i)} = {literal(text)}, false)"
        for i, text in zip(wanted, texts, strict=True)
    ]
    return f"({' and '.join(same)})" if any(text is not None for text in texts) else "false"


def body(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    width: int,
    header: Header,
    contract: Contract,
    sheet: str | None,
    after_row: int,
    has_faults: bool = False,
    is_judged: bool = False,
) -> tuple[FieldTable, int, list[FormNote]]:
    """Take repeated titles and headers, blank, code, total and signature rows out of a raw table.

    Returns the rest, how many rows were taken out and not blank, and what is to be said of the form.

    The raw table has `row_number` and text columns c0, c1, …; body rows come after `after_row`. With
    `has_faults` it has `row_fault` too, if it `is_judged` also `is_plain`.
    """
    # A plain row has no text that stands for another, and where each row must have a school's code it is none of those
    # that are taken out.
    is_suspect = "not is_plain" if is_judged else "true"
    notes = _unprotect(connection, table, header, after_row, is_suspect)
    school = contract.field(contract.school_field) if contract.school_field else None
    is_coded = is_judged and school is not None and school.mandatory and school.type == "school_code"
    within = f"{is_suspect} and " if is_coded else ""
    columns = [_trimmed(i) for i in range(width)]
    first = f"coalesce({', '.join(columns)})"
    is_alone = f"len(list_distinct(list_filter([{', '.join(columns)}], lambda text: text is not null))) = 1"
    # Exports put one below the other, and printed pages, have their header and what stands above it between them too.
    again = [_is_row_again(connection, table, after_row, header.columns)]
    if header.last_row > header.first_row:
        again.append(_is_row_again(connection, table, after_row - 1, range(width)))
    if header.above:
        texts = ", ".join(literal(text) for text in header.above)
        again.append(f"case when {first} in ({texts}) then {is_alone} else false end")
    repeated = connection.execute(
        f"delete from {table} where {'' if header.above else within}row_number > {after_row} and ({' or '.join(again)})"
    ).fetchone()
    connection.execute(f"delete from {table} where row_number <= {after_row}")
    words = "|".join(FOOTER_WORDS)
    key_column = next((f"c{i}" for i, name in header.columns.items() if name == contract.school_field), None)
    # A row whose school begins with a digit is one of the body: nothing else of it need be looked at.
    is_open = f"coalesce(not regexp_matches({key_column}, '^\\s*''?\\d'), true)" if key_column else "true"
    connection.execute(f"delete from {table} where {within}{is_open} and {first} is null")
    is_count = f"case when regexp_matches({first}, {literal(COUNT_NOTE)}) then {is_alone} else false end"
    is_note = (
        f"{is_open} and (regexp_matches({first}, '^({words})') or regexp_matches({first}, '^KD_[A-Z]*\\d+$') "
        f"or {is_count})"
    )
    removed = connection.execute(f"delete from {table} where {within}{is_note}").fetchone()
    cells = {
        i: units.in_own_unit(contract.field(name), header.units[i], f"c{i}") if i in header.units else f"c{i}"
        for i, name in header.columns.items()
    }
    selected = ", ".join(f"{cells[i]} as {quoted(name)}" for i, name in sorted(header.columns.items()))
    fault = "row_fault, " if has_faults else ""
    relation = f"select row_number, {fault}{selected} from {table}"
    # The verdict is one on the text as it stood there, without the unit that the header says.
    judged = f"select rowid as row_id, is_plain, row_number, {fault}{selected} from {table}"
    fields = FieldTable(
        sheet,
        relation,
        tuple(header.columns.values()),
        has_faults=has_faults,
        name=table,
        judged=judged if is_judged and not header.units else None,
    )
    dropped = sum(int(row[0]) for row in (repeated, removed) if row)
    return fields, dropped, [*notes, FormNote("extra_rows_dropped")] if dropped else notes
