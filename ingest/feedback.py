"""Feedback on a submission: what was found, cell by cell, in a workbook that the clerk mends and sends back.

It is written after the receipts, from the file as it was sent; it is private to the organisation that sent it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from edu.codes import code_sets
from edu.contract import Contract, FieldSpec
from edu.errors import RejectedFileError
from edu.paths import PRIVATE_DIR_MODE, Home
from ingest.found import ROWS_MAXIMUM, WEIGHT, Found
from ingest.layout import Page, pages_of
from ingest.messages import reasons
from ingest.readers.base_table import school_named
from ingest.readers.table import literal, quoted
from ingest.submission import folder_period

MUST, LOOK, DONE = "必须更正", "请核对", "已自动修正"
GROUPS = {"reject": MUST, "quarantine": MUST, "incomplete": MUST, "warn": LOOK, "fix": DONE}
REPAIRABLE = frozenset(
    ("text", "code", "flag", "date", "year_month", "school_code", "division_code", "township_code", "uscc")
) | {"class_name", "identifier", "private"}
"""Types whose cleaned value can stand in the sender's cell; measures keep what was written, with its unit."""


@dataclass(frozen=True)
class Mark:
    """One finding at its place: 1-based row of the page and 0-based column; null for the file as a whole."""

    page: int
    row: int | None
    column: int | None
    field: str | None
    group: str
    reason_code: str
    message_zh: str
    remedy_zh: str


@dataclass
class Feedback:
    """All that a correction workbook holds."""

    contract: Contract
    profile: str
    receipt: dict[str, Any]
    pages: list[Page]
    marks: list[Mark]
    coverage: str
    is_partial: bool
    totals: dict[tuple[str, str | None, str], int] = field(default_factory=dict)
    """How many findings there are of a group, field and sentence, those of rows that are not shown included."""
    school: str | None = None
    """The school's code, where only the name of the file says it."""
    left_out: int = 0
    """Rows that cannot be mended in a partial workbook, because what names them is at fault."""


def outbox_folder(home: Home, org: str) -> Path:
    """Return the private folder of an organisation, made where it is missing."""
    folder = home.outbox / org
    folder.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    folder.chmod(PRIVATE_DIR_MODE)
    return folder


def outbox_name(contract: Contract, receipt: dict[str, Any]) -> str:
    """Return the stem of an outbox file: dataset and period for the clerk, then the submission's id."""
    return f"{contract.label}_{folder_period(receipt['period'])}_{receipt['submission_id']}"


def repairs(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[tuple[str, str | None, int, str, str]]:
    """Return (submission_id, sheet, row_number, field, text) of cells that landing mended, as it would write them.

    Of each submission those of the first `ROWS_MAXIMUM` rows that have findings, which are all that is shown. The
    connection holds a landing's tables `cleaned`, `raw` and `finding_rows`.
    """
    parts = []
    for spec in contract.fields:
        value, fix, fault = quoted(spec.name), quoted("r_" + spec.name), quoted("x_" + spec.name)
        if spec.type in ("integer", "decimal"):
            condition, text = f"c.{fix} = 'number_format_fixed'", f"cast(c.{value} as varchar)"
        elif spec.type in REPAIRABLE:
            condition, text = f"c.{fix} is not null", _written(spec, value)
        else:
            continue
        parts.append(
            f"select c.row_id, c.submission_id, c.sheet, c.row_number, {literal(spec.name)} as field, r.value_form, "
            f"coalesce({text}, '') as text from cleaned as c inner join raw as r on r.row_id = c.row_id "
            f"where {condition} and c.{fault} is null"
        )
    if not parts:
        return []
    rows = connection.execute(
        f"""
        with named as (
            select f.row_id, r.submission_id, r.sheet, r.row_number,
                min({WEIGHT.format(severity="f.severity")}) as weight
            from finding_rows as f inner join raw as r on r.row_id = f.row_id
            group by f.row_id, r.submission_id, r.sheet, r.row_number
        ),
        shown as (
            select row_id from named
            qualify row_number() over (
                partition by submission_id order by weight, sheet nulls first, row_number
            ) <= {ROWS_MAXIMUM}
        )
        select m.submission_id, m.sheet, m.row_number, m.field, m.value_form, m.text
        from ({" union all ".join(parts)}) as m inner join shown on shown.row_id = m.row_id
        order by m.row_id, m.field
        """
    ).fetchall()
    return [
        (identity, sheet, row, name, _in_form(contract.field(name), form, text))
        for identity, sheet, row, name, form, text in rows
    ]


def _written(spec: FieldSpec, value: str) -> str:
    name = f"c.{value}"
    if spec.type == "date":
        return f"strftime({name}, '%Y-%m-%d')"
    return (
        f"case when {name} then '1' when not {name} then '0' end" if spec.type == "flag" else f"cast({name} as varchar)"
    )


def _in_form(spec: FieldSpec, form: str, text: str) -> str:
    code_set = code_set_of(spec)
    return code_sets()[code_set].get(text, text) if code_set and form == "label" else text


def code_set_of(spec: FieldSpec) -> str | None:
    """Return the code set of a coded field."""
    return "SFBZ" if spec.type == "flag" else spec.code_set


def compose(
    contract: Contract,
    receipt: dict[str, Any],
    findings: Found,
    mended: Iterable[tuple[str, str | None, int, str, str]],
    path: Path | None,
    name: str | None = None,
) -> Feedback:
    """Put a submission's findings at their places in the sender's layout.

    Args:
        contract: that it was landed under.
        receipt: its record.
        findings: what was found in it.
        mended: see `repairs`.
        path: the file as it was sent; null where only a summary is wanted.
        name: the name under which it was sent.
    """
    found = findings.first
    is_long = receipt["rows_read"] > ROWS_MAXIMUM
    wanted = {(f["sheet"], f["row_number"]) for f in found} if is_long else None
    profile = receipt["profile"] or next(iter(contract.profiles))
    pages: list[Page] = []
    wants_layout = any(f["row_number"] is not None or f["reason_code"] == "header_variant" for f in found)
    if (path is not None and wants_layout and receipt["status"] != "rejected") or _is_all_quarantined(receipt, path):
        try:
            pages = pages_of(path, contract, profile, wanted)  # type: ignore[arg-type]
        except RejectedFileError:
            pages = []
    by_sheet = {page.sheet: number for number, page in enumerate(pages)}
    values = {(sheet, row, name): text for _, sheet, row, name, text in mended}
    marks = []
    for finding in found:
        number = by_sheet.get(finding["sheet"], 0 if len(pages) == 1 else -1)
        marks.append(_mark(contract, profile, finding, pages, number, values))
    feedback = Feedback(contract, profile, receipt, pages, marks, receipt["coverage"], is_partial=False)
    positions = contract.profiles[profile].positions
    feedback.school = school_named(name, positions) if name and positions else None
    for severity, name, _, message, number in findings.counts:
        key = (GROUPS[severity], name, message)
        feedback.totals[key] = feedback.totals.get(key, 0) + number
    if is_long:
        _keep_found_rows(feedback)
    return feedback


def _is_all_quarantined(receipt: dict[str, Any], path: Path | None) -> bool:
    """Whether the file could be read and no row of it could be taken."""
    return path is not None and receipt["reason_code"] == "no_row_accepted" and receipt["rows_read"] > 0


def _mark(
    contract: Contract,
    profile: str,
    finding: dict[str, Any],
    pages: list[Page],
    number: int,
    values: dict[tuple[str | None, int, str], str],
) -> Mark:
    name, row = finding["field"], finding["row_number"]
    label = contract.field(name).label if name else None
    column = None
    if 0 <= number < len(pages):
        page = pages[number]
        column = page.column_of(name)
        if row is None and column is not None and finding["reason_code"] == "header_variant":
            row = page.header_row
            page.rows[row][column] = contract.header(profile, name)
        elif row is not None:
            column = page.counted_in(finding["message_zh"]) if column is None else column
            column = column if column is not None else 0
            text = values.get((finding["sheet"], row, name)) if name else None
            if text is not None and finding["severity"] == "fix" and row in page.rows:
                page.rows[row][column] = text
    else:
        row = finding["row_number"] if not pages else None
    return Mark(
        number,
        row,
        column,
        name,
        GROUPS[finding["severity"]],
        finding["reason_code"],
        finding["message_zh"],
        reasons()[finding["reason_code"]].remedy(label),
    )


def _keep_found_rows(feedback: Feedback) -> None:
    """Leave only the rows with findings, and of these only those whose key stands: a partial delivery merges by key."""
    keys = {name for group in feedback.contract.evidence for name in group} | {feedback.contract.school_field}
    unsure = {
        (mark.page, mark.row)
        for mark in feedback.marks
        if mark.group == MUST and (mark.field in keys or mark.field is None)
    }
    kept: dict[tuple[int, int | None], int] = {}
    for number, page in enumerate(feedback.pages):
        wanted = sorted({m.row for m in feedback.marks if m.page == number and m.row and m.row > page.header_row})
        rows = {row: cells for row, cells in page.rows.items() if row <= page.header_row}
        kept.update({(number, row): row for row in rows})
        place = page.header_row
        for row in wanted:
            if (number, row) not in unsure and row in page.rows:
                place += 1
                rows[place] = page.rows[row]
                kept[(number, row)] = place
        page.rows = rows
    feedback.left_out = len({place for place in unsure if place[1]})
    feedback.marks = [
        Mark(**{**vars(mark), "row": kept.get((mark.page, mark.row)), "page": mark.page}) for mark in feedback.marks
    ]
    feedback.is_partial, feedback.coverage = True, "partial"


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    aside.replace(path)


def receipt_json(receipt: dict[str, Any], findings: Found) -> str:
    """Return a receipt with its findings counted by reason, as JSON; it holds no value of a row."""
    counts: dict[tuple[str, str, str], int] = {}
    for severity, _, code, message, number in findings.counts:
        key = (GROUPS[severity], code, message)
        counts[key] = counts.get(key, 0) + number
    reasons_found = [
        {"group": group, "reason_code": code, "message_zh": text, "findings": number}
        for (group, code, text), number in sorted(counts.items())
    ]
    return json.dumps({**receipt, "reasons": reasons_found}, ensure_ascii=False, indent=1, default=str)


def has_statements(contract: Contract, receipt: dict[str, Any]) -> bool:
    """Whether a submission is of statements, each of which gets a receipt of its own."""
    profile = contract.profiles.get(receipt["profile"] or "")
    return profile is not None and profile.carrier == "statements" and receipt["rows_read"] > 0


def deliver_statements(
    home: Home, connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: dict[str, Any]
) -> None:
    """Write `<stem>.statements.jsonl` into the outbox: one receipt a statement, in the order of the file.

    The connection holds a landing's tables `checked` and `finding_rows`. A faulty statement has no id here, because
    what stands in its place may be anything; its row number names it.
    """
    target = outbox_folder(home, receipt["submitter_org"]) / f"{outbox_name(contract, receipt)}.statements.jsonl"
    aside = target.with_name(f".{target.name}.part")
    aside.touch(mode=0o600)
    connection.execute(
        f"""
        copy (
            select c.row_number, c.statement_id, if(c.is_quarantined, 'quarantined', 'accepted') as status, f.reason_code
            from checked as c
            left join (
                select row_id, min_by(reason_code, (severity <> 'quarantine', reason_code)) as reason_code
                from finding_rows group by row_id
            ) as f on f.row_id = c.row_id
            where c.submission_id = {literal(receipt["submission_id"])}
            order by c.row_number
        ) to {literal(str(aside))} (format json)
        """
    )
    aside.chmod(0o600)
    aside.replace(target)


def deliver(
    home: Home,
    contract: Contract,
    receipt: dict[str, Any],
    findings: Found,
    mended: Iterable[tuple[str, str | None, int, str, str]],
    path: Path | None,
    name: str | None = None,
    out: Path | None = None,
) -> Path | None:
    """Put receipt and, where anything was found, correction workbook into the outbox; return the workbook's path.

    `path` and `name` are those of `compose`. With `out` the workbook is written there instead, and no receipt.
    """
    from ingest.feedback_book import book_bytes

    stem = outbox_name(contract, receipt)
    target = out or outbox_folder(home, receipt["submitter_org"]) / f"{stem}.xlsx"
    if findings.counts:
        write_private(target, book_bytes(compose(contract, receipt, findings, mended, path, name)))
    if out is None:
        # Last, so that where a receipt lies nothing is missing.
        write_private(target.with_name(f"{stem}.json"), receipt_json(receipt, findings).encode())
    return target if findings.counts else None


def outbox_files(home: Home, submission_id: str) -> list[Path]:
    """Return what lies in the outbox of a submission; empty while its receipt, which is written last, is not there."""
    found = sorted(p for p in home.outbox.glob(f"*/*_{submission_id}.*") if not p.name.startswith("."))
    return found if any(path.suffix == ".json" for path in found) else []
