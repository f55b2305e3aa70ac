"""Reads statements of learning experience (xAPI 1.0.3) as rows of a dataset.

A file is JSON lines, one JSON array, or the answer of a learning record store (an object with `statements`). Every
statement is a row: a valid one with its values, any other with the reason why it is none. An actor leaves here as the
platform of the account and the account; a mailbox as the hash that the specification gives it, never as itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from edu.contract import Contract
from edu.errors import RejectedFileError
from ingest.header import FormNote
from ingest.inbox import Source
from ingest.readers import xapi_rules
from ingest.readers.table import FieldTable, ReadResult, literal, quoted

CARRIER = "statements"
FILE_BYTES_MAXIMUM = 1 << 30
LINE_BYTES_MAXIMUM = 1 << 18
"""A statement is some hundred bytes; its attachments travel apart."""
DOCUMENT_BYTES_MAXIMUM = 64 << 20
"""An array or an object is parsed as a whole; more statements come as lines."""
DEPTH_MAXIMUM = 32
PIECE_BYTES = 8 << 20
SLICE_STATEMENTS = 5_000
"""So many statements are judged at a time."""
BOM = b"\xef\xbb\xbf"
STRING = r'"(?:[^"\\]|\\.)*"'
LAX = r",\s*[\]}]|[nN][aA][nN]|[iI][nN][fF]"
"""What the parser lets pass and RFC 8259 does not: a comma before an end, numbers that are none."""
NUL = r"(?:^|[^\\])(?:\\\\)*\\u0000"
ACTOR = "json_extract(j, '$.actor')"


def profile_of(contract: Contract) -> str | None:
    """Return the profile of a dataset that takes statements; null where none does."""
    return next((name for name, spec in contract.profiles.items() if spec.carrier == CARRIER), None)


def read(source: Source, contract: Contract, connection: duckdb.DuckDBPyConnection, prefix: str) -> ReadResult:
    """Read a file of statements; see `ingest.readers.read`.

    `row_number` is the line, or the ordinal in the array with the first as 1. Blank lines are no rows.

    Raises:
        RejectedFileError: the dataset takes no statements, or the file is too large, too deep, broken or empty.
    """
    path = source.parts[0].path
    profile = profile_of(contract)
    if profile is None:
        raise RejectedFileError(
            path.name, "format_unknown", f"Dataset {contract.dataset} takes no JSON; use the template."
        )
    has_bom = _load_lines(path, connection, f"{prefix}_line")
    statements = _statements(path, connection, prefix)
    xapi_rules.create_macros(connection)
    values = _values(contract, profile)
    selected = ", ".join(f"{value} as {quoted(name)}" for name, value in values.items())
    target = f"create or replace temp table {prefix}_row as"
    for low, high in _slices(connection, statements.table):
        connection.execute(f"create or replace temp table {prefix}_item as {statements.select(low, high)}")
        _judge(connection, prefix)
        # What is read of a statement that is none would be read from anything at all: it goes without values.
        connection.execute(
            f"{target} select row_number, row_fault, {selected} "
            f"from (select row_number, row_fault, case when row_fault is null then j end as j from {prefix}_judged)"
        )
        target = f"insert into {prefix}_row"
    for table in (f"{prefix}_item", f"{prefix}_judged", statements.table):
        connection.execute(f"drop table {table}")
    relation = f"select * from {prefix}_row order by row_number"
    notes = (FormNote("bom_removed"),) if has_bom else ()
    return ReadResult(profile, (FieldTable(None, relation, tuple(values), has_faults=True),), notes, "utf-8")


@dataclass(frozen=True)
class _Statements:
    """Where the statements of a file stand: a table of texts, or of values where the file is one document."""

    table: str
    is_parsed: bool

    def select(self, low: int, high: int) -> str:
        """Return a SELECT (row_number, has_null, is_deep, j) of the statements from one row to another."""
        rows = f"select * from {self.table} where row_number between {low} and {high}"
        return rows if self.is_parsed else _parsed(f"({rows})")


def _slices(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[int, int]]:
    """Return first and last row of each slice: the functions of JSON hold memory for as long as a statement runs."""
    rows = connection.execute(
        f"""
        select min(row_number), max(row_number) from (
            select row_number, row_number() over (order by row_number) as place from {table}
        ) group by (place - 1) // {SLICE_STATEMENTS} order by 1
        """
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


# -- lines -------------------------------------------------------------------------------------------------------


def _pieces(path: Path) -> Iterator[list[bytes]]:
    """Return the lines of a file, some megabytes at a time.

    Raises:
        RejectedFileError: with a NUL byte, a line or file beyond its bound.
    """
    if path.stat().st_size > FILE_BYTES_MAXIMUM:
        raise RejectedFileError(path.name, "file_too_large", "Send it in several files.")
    kept, number = b"", 0
    with path.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            if b"\0" in piece:
                raise RejectedFileError(path.name, "file_unsafe", "It holds NUL bytes; export the statements again.")
            *lines, kept = (kept + piece).split(b"\n")
            yield lines
            number += len(lines)
            if len(kept) > DOCUMENT_BYTES_MAXIMUM:
                raise RejectedFileError(
                    path.name, "file_too_large", "One line is too long; send a statement a line.", row_number=number + 1
                )
    yield [kept]


def _texts(lines: list[bytes]) -> pa.Array:
    """Return lines as text, null where a line is no UTF-8."""
    binary = pa.array(lines, pa.large_binary())
    try:
        return binary.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([_decoded(line) for line in lines], pa.large_string())


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _load_lines(path: Path, connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Make a table of the lines that are not blank (row_number, text); return whether a byte order mark was there."""
    connection.execute(f"create or replace temp table {table} (row_number bigint, text varchar)")
    first, has_bom = 1, False
    for lines in _pieces(path):
        if first == 1 and lines and lines[0].startswith(BOM):
            has_bom, lines[0] = True, lines[0].removeprefix(BOM)
        numbers = pa.array(range(first, first + len(lines)), pa.int64())
        connection.register("piece", pa.table({"row_number": numbers, "text": _texts(lines)}))
        connection.execute(
            f"insert into {table} select row_number, trim(text, ' \t\r') from piece "
            "where text is null or trim(text, ' \t\r') <> ''"
        )
        connection.unregister("piece")
        first += len(lines)
    if not connection.execute(f"select 1 from {table} limit 1").fetchone():
        raise RejectedFileError(path.name, "file_empty", "Send the file again with its content.")
    return has_bom


# -- what can be parsed ------------------------------------------------------------------------------------------


def _is_too_deep(text: str) -> str:
    """Return SQL of whether brackets nest deeper than the bound, told without parsing.

    Each pass takes the innermost pairs away; what is left after as many passes as levels are allowed is too deep, or
    no pair at all. Only a text with more brackets than levels takes the passes.
    """
    brackets = f"regexp_replace({_without_strings(text)}, '[^\\[\\]{{}}]+', '', 'g')"
    for _ in range(DEPTH_MAXIMUM):
        brackets = f"regexp_replace({brackets}, '\\[\\]|\\{{\\}}', '', 'g')"
    opened = f"length(regexp_replace({text}, '[^\\[{{]+', '', 'g'))"
    return f"case when {opened} > {DEPTH_MAXIMUM} then {brackets} <> '' else false end"


def _without_strings(text: str) -> str:
    return f"regexp_replace({text}, {literal(STRING)}, '\"', 'g')"


def _parsed(relation: str) -> str:
    """Return a SELECT of row_number, whether null stands in the text, and the text as JSON where it may be parsed and is strictly JSON."""
    is_strict = (
        f"json_valid(text) and not regexp_matches({_without_strings('text')}, {literal(LAX)}) "
        f"and not regexp_matches(text, {literal(NUL)})"
    )
    return (
        f"select row_number, contains(text, 'null') as has_null, is_deep, case when not is_deep then case when {is_strict} then cast(text as json) end end "
        f"as j from (select row_number, text, coalesce({_is_too_deep('text')}, false) as is_deep from {relation})"
    )


def _statements(path: Path, connection: duckdb.DuckDBPyConnection, prefix: str) -> _Statements:
    """Return where the statements are: `<prefix>_line`, or `<prefix>_document` where the file is one JSON value.

    Raises:
        RejectedFileError: an array or object is broken, too deep, too long or empty, or a line is too long.
    """
    line, document = f"{prefix}_line", f"{prefix}_document"
    lines, longest, length, number = connection.execute(
        f"select count(*), max(strlen(text)), sum(strlen(text)), arg_max(row_number, strlen(text)) from {line}"
    ).fetchone() or (0, 0, 0, 0)
    opening, is_statement = _opening(connection, line)
    has_lines = lines == 1 or _has_statement_lines(connection, line)
    is_document = opening in ("[", "{") and (lines == 1 or not is_statement)
    is_too_long = (length or 0) > DOCUMENT_BYTES_MAXIMUM
    if is_document and is_too_long and not (has_lines and lines > 1):
        raise RejectedFileError(path.name, "file_too_large", "Send a statement a line, or several files.")
    if is_document and not is_too_long and _take_document(path, connection, line, document, may_be_lines=has_lines):
        connection.execute(f"drop table {line}")
        return _Statements(document, is_parsed=True)
    if is_document and lines > 1:
        # An array that is broken somewhere: its statements stand a line each, with what holds them together.
        connection.execute(f"delete from {line} where text in ('[', ']')")
        connection.execute(f"update {line} set text = rtrim(text, ', ') where ends_with(text, '}},')")
    if (longest or 0) > LINE_BYTES_MAXIMUM:
        raise RejectedFileError(
            path.name, "file_too_large", "One line is too long; send a statement a line.", row_number=number
        )
    return _Statements(line, is_parsed=False)


def _opening(connection: duckdb.DuckDBPyConnection, line: str) -> tuple[str, bool]:
    """Return what the file begins with, and whether its first line is an object by itself, so that the others are too."""
    first = f"(select * from {line} where strlen(text) <= {LINE_BYTES_MAXIMUM} order by row_number limit 1)"
    opening = connection.execute(f"select left(text, 1) from {line} order by row_number limit 1").fetchone()
    found = connection.execute(f"select coalesce(json_type(j) = 'OBJECT', false) from ({_parsed(first)})").fetchone()
    return (opening[0] if opening else "", bool(found and found[0]))


def _has_statement_lines(connection: duckdb.DuckDBPyConnection, line: str) -> bool:
    """Whether any line looks like an object; parts of one that is set over many lines may look so too."""
    found = connection.execute(
        f"select 1 from {line} where starts_with(text, '{{') and strlen(text) > 2 "
        "and (ends_with(text, '}') or ends_with(text, '},')) limit 1"
    ).fetchone()
    return found is not None


def _take_document(path: Path, connection: duckdb.DuckDBPyConnection, line: str, item: str, may_be_lines: bool) -> bool:
    """Take the file as one JSON value; return false where it is none and may be statements a line."""
    whole = f"(select 1 as row_number, string_agg(text, chr(10) order by row_number) as text from {line})"
    connection.execute(f"create or replace temp table {item} as {_parsed(whole)}")
    is_deep, kind, has_statements = connection.execute(
        f"select is_deep, json_type(j), json_type(j, '$.statements') = 'ARRAY' and json_extract(j, '$.actor') is null from {item}"
    ).fetchone() or (False, None, False)
    if kind is None:
        if may_be_lines:
            return False
        reason, what = ("file_unsafe", "It nests too deeply.") if is_deep else ("file_unreadable", "It is no JSON.")
        raise RejectedFileError(path.name, reason, f"{what} Send a statement a line.")
    if kind == "OBJECT" and not has_statements:
        return True
    place = "$[*]" if kind == "ARRAY" else "$.statements[*]"
    connection.execute(
        f"""
        create or replace temp table {item} as
        select u.row_number, contains(cast(u.j as varchar), 'null') as has_null, false as is_deep, u.j
        from (select json_extract(j, {literal(place)}) as every from {item}) as d,
            unnest(d.every) with ordinality as u (j, row_number)
        """
    )
    if not connection.execute(f"select 1 from {item} limit 1").fetchone():
        raise RejectedFileError(path.name, "file_empty", "It holds no statement.")
    return True


# -- what is a statement -----------------------------------------------------------------------------------------


def _judge(connection: duckdb.DuckDBPyConnection, prefix: str) -> None:
    """Make `<prefix>_judged` (row_number, j, row_fault)."""
    item = f"{prefix}_item"
    # A property without a value is allowed nowhere but in extensions (part two, 2.2).
    connection.execute(
        f"""
        create or replace temp table {prefix}_null as
        select distinct s.row_number from (select row_number, j from {item} where has_null) as s,
            json_tree(s.j) as e
        where e.type = 'NULL' and not contains(e.fullkey, '.extensions.')
        """
    )
    keys = xapi_rules.STATEMENT_KEYS
    paths = ", ".join(literal(f"$.{key}") for key in keys)
    parts = ", ".join(f"p[{place}] as s_{key}" for place, key in enumerate(keys, 1))
    connection.execute(
        f"""
        create or replace temp table {prefix}_part as
        select row_number, {parts} from (
            select row_number, json_extract(j, [{paths}]) as p from {item} where json_type(j) = 'OBJECT'
        )
        """
    )
    connection.execute(f"create or replace temp table {prefix}_fault (row_number bigint, rule_no integer)")
    # A statement for each rule: every JSON function of a statement holds memory for as long as it runs.
    for number, (_, condition) in enumerate(xapi_rules.RULES):
        connection.execute(
            f"insert into {prefix}_fault select row_number, {number} from {item if number == 0 else prefix + '_part'} "
            f"where not coalesce({condition}, false)"
        )
    reasons = " ".join(f"when {number} then {literal(reason)}" for number, (reason, _) in enumerate(xapi_rules.RULES))
    connection.execute(
        f"""
        create or replace temp table {prefix}_judged as
        select i.row_number, i.j,
            case when i.is_deep then 'statement_too_deep' when i.j is null or json_type(i.j) <> 'OBJECT'
                then 'statement_not_json' when n.row_number is not null then 'statement_property_unknown'
                else case f.rule_no {reasons} end end as row_fault
        from {item} as i
        left join {prefix}_null as n on n.row_number = i.row_number
        left join (select row_number, min(rule_no) as rule_no from {prefix}_fault group by row_number) as f
            on f.row_number = i.row_number
        """
    )
    for table in ("part", "fault"):
        connection.execute(f"drop table {prefix}_{table}")
    connection.execute(f"drop table {prefix}_null")


def _values(contract: Contract, profile: str) -> dict[str, str]:
    """Return SQL by field: what is derived, else what stands at the path that the profile names."""
    derived = _derived()
    values = {}
    for spec in contract.profile_fields(profile):
        path = contract.header(profile, spec.name)
        text = f"json_extract_string(j, '$.{path}')"
        if spec.name in derived:
            text = derived[spec.name]
        elif spec.type == "flag":
            text = f"case {text} when 'true' then '1' when 'false' then '0' end"
        elif spec.type == "decimal":
            text = f"cast(try_cast(try_cast({text} as double) as decimal({spec.precision}, {spec.scale})) as varchar)"
        elif spec.type == "duration":
            text = _seconds(text)
        values[spec.name] = text
    return values


def _derived() -> dict[str, str]:
    """Return SQL of the fields that one path does not give."""

    def actor(path: str) -> str:
        return f"json_extract_string({ACTOR}, '$.{path}')"

    kind = "json_extract_string(j, '$.object.objectType')"
    grouping = "$.context.contextActivities.grouping"
    inner = "json_extract_string(j, '$.object.object.id')"
    verb = "json_extract_string(j, '$.verb.id')"
    return {
        "statement_id": "lower(json_extract_string(j, '$.id'))",
        "actor_home_page": f"coalesce({actor('account.homePage')}, case when {actor('openid')} is not null then 'openid' "
        f"when j is not null then 'mbox' end)",
        # A mailbox and its hash name one agent (part two, 2.4.2.3); only the hash goes on.
        "actor": f"coalesce({actor('account.name')}, {actor('openid')}, lower({actor('mbox_sha1sum')}), "
        f"sha1({actor('mbox')}))",
        # Who a statement is about is a person too: only that it is one goes on.
        "object_id": f"case when {kind} in ('Agent', 'Group') then {kind} "
        f"when {kind} = 'StatementRef' then 'urn:uuid:' || lower(json_extract_string(j, '$.object.id')) "
        f"when {kind} = 'SubStatement' then coalesce({inner}, 'SubStatement') "
        f"else json_extract_string(j, '$.object.id') end",
        "course_id": f"coalesce(json_extract_string(j, '{grouping}[0].id'), json_extract_string(j, '{grouping}.id'))",
        # A store that was told no time takes the time at which it stored the statement (part two, 2.4.7).
        "occurred_at": "upper(coalesce(json_extract_string(j, '$.timestamp'), json_extract_string(j, '$.stored')))",
        "voided_statement_id": f"case when {verb} = {literal(xapi_rules.VOIDED)} "
        "then lower(json_extract_string(j, '$.object.id')) end",
    }


def _seconds(text: str) -> str:
    """Return SQL of an ISO 8601 duration in seconds; years and months have no fixed length and are left as they are."""
    plain = f"replace({text}, ',', '.')"
    parts = " + ".join(
        f"coalesce(try_cast(nullif(regexp_extract({plain}, {literal(pattern)}, 1), '') as double), 0) * {factor}"
        for pattern, factor in (
            (r"^P([0-9.]+)W", 604_800),
            (r"^P([0-9.]+)D", 86_400),
            (r"T([0-9.]+)H", 3_600),
            (r"T(?:[0-9.]+H)?([0-9.]+)M", 60),
            (r"T(?:[0-9.]+H)?(?:[0-9.]+M)?([0-9.]+)S", 1),
        )
    )
    is_fixed = f"not regexp_matches({plain}, '[0-9]Y|^P[0-9.]+M')"
    return f"case when {is_fixed} then cast(try_cast({parts} as decimal(18, 2)) as varchar) else {text} end"
