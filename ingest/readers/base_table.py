"""Workbooks of printed forms (基表): a sheet a form, a header of merged rows, figures told by where they stand.

Each cell of the body that holds something becomes a row: school, form, row and column as codes, and its text. A cell
that holds nothing is no row, because nothing is not zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

import duckdb
import pyarrow as pa

from edu.contract import Contract, PositionalSheet, Positions
from edu.duck import in_memory
from edu.errors import RejectedFileError
from ingest.correction import AUXILIARY_SHEETS, properties_of
from ingest.header import SEARCH_ROWS, FormNote, clean
from ingest.readers.grid import CELLS, COLUMNS_MAXIMUM, Merge, Sheet
from ingest.readers.guard import unreadable
from ingest.readers.table import FOOTER_WORDS, FieldTable, ReadResult, literal, quoted

ROWS_MAXIMUM = 1_000
"""A printed form is a page or two; further down nothing of it stands."""


@dataclass(frozen=True)
class _Head:
    """Where a form's header stands and which column is what."""

    last_row: int
    label_column: int
    columns: dict[int, str]
    """0-based column to column code."""


def profile_of(sheets: list[Sheet], contract: Contract, profile: str | None) -> str | None:
    """Return the positional form that a workbook has: the one that is said, else the one whose sheets it names."""
    for name, spec in contract.profiles.items():
        if spec.positions is None or profile not in (None, name):
            continue
        if profile == name or any(_form_of(sheet.name, spec.positions) for sheet in sheets if not sheet.is_hidden):
            return name
    return None


def read_forms(
    path: Path,
    sheets: list[Sheet],
    contract: Contract,
    profile: str,
    connection: duckdb.DuckDBPyConnection,
    prefix: str,
    notes: tuple[FormNote, ...] = (),
) -> ReadResult:
    """Read every visible sheet that is a declared form; the others, and hidden forms, are named in a warning.

    Raises:
        RejectedFileError: a form's header is another than declared, its school is not said, or there is no form at all.
    """
    positions = contract.profiles[profile].positions
    assert positions is not None
    file, named = path.name, properties_of(path).get("school") or school_named(path.name, positions)
    found = list(notes)
    tables: list[FieldTable] = []
    for number, sheet in enumerate(sheets):
        form = _form_of(sheet.name, positions)
        if sheet.name in AUXILIARY_SHEETS:
            continue
        if sheet.is_hidden:
            found.extend([FormNote("hidden_sheet_ignored", sheet=sheet.name)] if form else [])
            continue
        with unreadable(file, sheet.name):
            cells = _cells(sheet)
        if form is None:
            found.extend([FormNote("sheet_ignored", sheet=sheet.name)] if cells.num_rows else [])
        elif cells.num_rows:
            table = f"{prefix}_{number}"
            _load(file, named, sheet, cells, form, positions, contract, connection, table)
            fields: tuple[str, ...] = (
                *(str(contract.school_field), positions.table_field, positions.row_field, positions.column_field),
                *(positions.value_field, positions.mark_field),
            )
            selected = ", ".join(quoted(name) for name in fields)
            tables.append(FieldTable(sheet.name, f"select row_number, {selected} from {table}", fields))
    if not tables:
        raise RejectedFileError(file, "file_empty", "No sheet is a form of the statistics that holds anything.")
    return ReadResult(profile, tuple(tables), tuple(found))


@dataclass(frozen=True)
class Printed:
    """A form as it was sent: texts by 1-based row and 0-based column, and which column counts what."""

    rows: dict[int, dict[int, str]]
    last_header_row: int
    columns: dict[int, str]
    """0-based column to column code."""


def printed(file: str, sheet: Sheet, positions: Positions) -> Printed | None:
    """Return a visible sheet as it was sent; null where it is no declared form or holds nothing.

    Raises:
        RejectedFileError: its header is another than declared.
    """
    form = _form_of(sheet.name, positions)
    if form is None or sheet.is_hidden or sheet.name in AUXILIARY_SHEETS:
        return None
    with unreadable(file, sheet.name):
        texts = _texts(_cells(sheet))
    if not texts:
        return None
    head = _head(file, sheet, texts, form)
    return Printed(texts, head.last_row, head.columns)


def _texts(cells: pa.Table) -> dict[int, dict[int, str]]:
    texts: dict[int, dict[int, str]] = {}
    for row, col, value in zip(*(column.to_pylist() for column in cells.columns), strict=True):
        texts.setdefault(row, {})[col] = value
    return texts


def _form_of(name: str, positions: Positions) -> PositionalSheet | None:
    return next((form for form in positions.sheets if re.fullmatch(form.name_pattern, clean(name))), None)


def _cells(sheet: Sheet) -> pa.Table:
    """Return the cells that hold a text, within the bounds of a form."""
    pieces: list[pa.Table] = []
    for piece in sheet.pieces():
        if piece.num_rows and piece.column("row")[0].as_py() > ROWS_MAXIMUM:
            break
        pieces.append(piece)
    cells = pa.concat_tables(pieces) if pieces else CELLS.empty_table()
    with in_memory() as connection:
        connection.register("cells", cells)
        return connection.execute(
            "select row, col, trim(value, ' \u3000\t\r\n') as value from cells "
            f"where row <= {ROWS_MAXIMUM} and col < {COLUMNS_MAXIMUM} and trim(value, ' \u3000\t\r\n') <> '' "
            "order by row, col"
        ).to_arrow_table()


def _load(
    file: str,
    named: str | None,
    sheet: Sheet,
    cells: pa.Table,
    form: PositionalSheet,
    positions: Positions,
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    table: str,
) -> None:
    """Make `table`: a row for each figure or mark of the form's body."""
    texts = _texts(cells)
    head = _head(file, sheet, texts, form)
    above = (" ".join(texts[row].values()) for row in sorted(texts) if row <= head.last_row - form.header_rows)
    school = _school(file, named, sheet.name, above, positions, contract)
    connection.register("form_cells", cells)
    connection.register("form_column", _pairs("col", pa.int32(), head.columns))
    connection.register("form_row", _pairs("label", pa.string(), form.rows))
    marks = ", ".join(literal(mark) for mark in positions.marks)
    words = "|".join(FOOTER_WORDS)
    connection.execute(
        f"""
        create or replace temp table {table} as
        with body as (select * from form_cells where row > {head.last_row}),
        labelled as (
            select body.row, coalesce(form_row.code, body.value) as row_code, form_row.code is not null as is_known
            from body
            left join form_row on form_row.label = regexp_replace(
                replace(replace(replace(body.value, '：', ':'), '（', '('), '）', ')'), '[\\s\u3000*]', '', 'g'
            )
            where body.col = {head.label_column}
        ),
        opened as (select row, min_by(value, col) as first_text from body group by row)
        select body.row as row_number, {literal(school)} as {quoted(str(contract.school_field))},
            {literal(form.table_no)} as {quoted(positions.table_field)},
            labelled.row_code as {quoted(positions.row_field)}, form_column.code as {quoted(positions.column_field)},
            case when body.value not in ({marks}) then body.value end as {quoted(positions.value_field)},
            case when body.value in ({marks}) then '1' else '0' end as {quoted(positions.mark_field)}
        from body
        inner join form_column on form_column.col = body.col
        inner join opened on opened.row = body.row
        left join labelled on labelled.row = body.row
        where coalesce(labelled.is_known, false)
            or not regexp_matches(opened.first_text, '^({words}|甲)') and regexp_matches(body.value, '\\d')
        order by body.row, body.col
        """
    )
    for view in ("form_cells", "form_column", "form_row"):
        connection.unregister(view)


def _pairs(name: str, kind: pa.DataType, codes: dict[int, str] | dict[str, str]) -> pa.Table:
    return pa.table({name: pa.array(list(codes), kind), "code": pa.array(list(codes.values()), pa.string())})


def school_named(name: str, positions: Positions) -> str | None:
    """Return the school's code that the name of a file says; null where it says none."""
    match = re.search(positions.file_pattern, PurePath(name).stem)
    return match.group(1) if match else None


def _school(
    file: str, named: str | None, sheet: str, above: Iterable[str], positions: Positions, contract: Contract
) -> str:
    found = [match for text in above for match in re.finditer(positions.school_pattern, clean(text))]
    if len({match.group(1) for match in found}) > 1:
        raise RejectedFileError(
            file,
            "school_conflict",
            "Two school codes stand above the table; leave the one whose table it is.",
            field=contract.school_field,
            sheet=sheet,
        )
    if school := found[0].group(1) if found else named:
        return school
    raise RejectedFileError(
        file,
        "mandatory_column_missing",
        "Write the school's code above the table, as the form has it.",
        field=contract.school_field,
        sheet=sheet,
    )


def _head(file: str, sheet: Sheet, texts: dict[int, dict[int, str]], form: PositionalSheet) -> _Head:
    """Return the header, wherever the rows above it have moved it.

    Raises:
        RejectedFileError: a declared column is missing, stands twice, or one stands there that nobody declared.
    """
    wanted = {*form.columns, form.row_label}
    best_row, best = 0, dict[int, str]()
    for row in range(1, min(SEARCH_ROWS, max(texts)) + 1):
        paths = _paths(texts, sheet.merges, row, form.header_rows)
        if len(wanted & set(paths.values())) > len(wanted & set(best.values())):
            best_row, best = row, paths
    names = list(best.values())
    unknown = [path for path in names if path not in wanted and path not in form.ignored]
    if set(names) >= wanted and not unknown and all(names.count(path) == 1 for path in wanted):
        columns = {col: form.columns[path] for col, path in best.items() if path in form.columns}
        label = next(col for col, path in best.items() if path == form.row_label)
        return _Head(best_row + form.header_rows - 1, label, columns)
    missing = sorted(wanted - set(names))
    problem = (
        f"lacks {', '.join(missing)}" if missing else "has columns that the form of this year has not, or one twice"
    )
    raise RejectedFileError(
        file,
        "header_not_found",
        f"The header of {form.table_no} {problem}; use the form of this year.",
        sheet=sheet.name,
        row_number=best_row or None,
    )


def _paths(texts: dict[int, dict[int, str]], merges: list[Merge], first_row: int, rows: int) -> dict[int, str]:
    """Return each column's path through the rows of a header; a merged range gives its text to all that it covers."""
    lines = [dict(texts.get(row, {})) for row in range(first_row, first_row + rows)]
    for merge in merges:
        text = texts.get(merge.first_row, {}).get(merge.first_col)
        if text is None or merge.first_row < first_row or merge.last_row >= first_row + rows:
            continue
        for row in range(merge.first_row, merge.last_row + 1):
            for col in range(merge.first_col, min(merge.last_col, COLUMNS_MAXIMUM) + 1):
                # A range merged downward says its text once in a path.
                lines[row - first_row][col] = text if row == merge.first_row else ""
    paths = {}
    for col in sorted({col for line in lines for col in line}):
        parts = [clean(line.get(col)) for line in lines]
        paths[col] = "/".join(part for part in parts if part)
    return {col: path for col, path in paths.items() if path}
