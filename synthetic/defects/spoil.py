"""Writes a plan into a file's rows and header, and notes where each defect has come to stand."""

from __future__ import annotations

from dataclasses import dataclass

from edu.contract import get_contract
from synthetic.defects.forms import other_header
from synthetic.defects.plan import FilePlan, LedgerEntry
from synthetic.files import Row, header_of, labelled
from synthetic.names import RARE_NAME

UNKNOWN_HEADER = "备用列"
OTHER_SHEET = "通讯录"
"""A sheet of a workbook that is none of the dataset's."""


@dataclass
class DirtyFile:
    """What a planned file is written with."""

    top: list[str]
    groups: list[tuple[int, int, str]]
    header: list[str]
    rows: list[Row]
    bottom: list[Row]
    entries: list[LedgerEntry]
    hidden: list[int]
    """0-based body rows that are hidden."""
    merged_column: int | None
    """Column whose first body rows are one merged cell."""


def spoil(plan: FilePlan, rows: list[Row], title: str | None) -> DirtyFile:
    """Return a file's content with its defects, and their ledger entries with final row numbers."""
    file = plan.file
    contract = get_contract(file.dataset)
    names = [spec.name for spec in contract.profile_fields(file.profile)]
    sheet = contract.profiles[file.profile].sheet if file.form == "xlsx" else None
    header = header_of(file)
    bottom: list[Row] = []
    entries: list[LedgerEntry] = []
    groups: list[tuple[int, int, str]] = []

    def note(class_no: int, expected: str, name: str | None = None, on_sheet: str | None = None) -> None:
        entries.append(LedgerEntry(file.relative, on_sheet, None, name, class_no, expected))

    if title and plan.other_snapshot and file.snapshot_date:
        title = title.replace(file.snapshot_date.isoformat(), plan.other_snapshot.isoformat())
        note(45, "warned")
    top = [title] if title else []
    if 8 in plan.form_classes and plan.header_field:
        other = UNKNOWN_HEADER if plan.is_rejected else other_header(file, plan.header_field)
        header[names.index(plan.header_field)] = str(other)
        # A missing column is said of its sheet, another spelling of the file.
        note(8, "rejected" if plan.is_rejected else "fixed", plan.header_field, sheet if plan.is_rejected else None)
    if 6 in plan.form_classes:
        top += ["填表说明：请按要求如实填写", "制表单位：教育局"]
        blank: list[object] = [None] * (len(names) - 1)
        bottom = [["合计", *blank[:-1], str(len(rows))], ["填表人：", *blank]]
        note(6, "fixed")
    if 7 in plan.form_classes:
        groups = [(0, 1, "基本情况"), (2, len(names) - 1, "具体内容")]
        note(7, "fixed")
    for class_no in (1, 2, 53, 58):
        if class_no in plan.form_classes:
            note(class_no, "fixed")
    if 44 in plan.form_classes:
        entries.append(LedgerEntry(file.relative, None, None, None, 44, "coverage", "management.expected_submission"))
    if 54 in plan.form_classes:
        note(54, "fixed", contract.school_field)
    if 55 in plan.form_classes:
        note(55, "warned", on_sheet=OTHER_SHEET)
    body = [list(row) for row in rows]
    if plan.unit:
        column = names.index(plan.unit.field)
        header[column] += plan.unit.suffix
        for row in body:
            row[column] = None if row[column] is None else plan.unit.write(row[column])
        note(plan.unit.class_no, "fixed", plan.unit.field)
    if 1 in plan.form_classes and "name" in names and body:
        body[0][names.index("name")] = RARE_NAME
    if file.form == "xlsx":
        body = [labelled(contract, file.profile, row) for row in body]
    first = (len(top) + bool(groups) + 1 if file.form == "xlsx" else 1) + 1
    copies: list[Row] = []
    for edit in sorted(plan.edits, key=lambda item: item.row):
        if edit.is_copy:
            copy = list(body[edit.row])
            for name, value in edit.others.items():
                copy[names.index(name)] = value
            copies.append(copy)
            place = first + len(body) + len(copies) - 1
        elif edit.is_split:
            body[edit.row].insert(names.index("name") + 1, edit.value)
            place = first + edit.row
        elif edit.is_hidden:
            place = first + edit.row
        else:
            for name, value in {str(edit.field): edit.value, **edit.others}.items():
                body[edit.row][names.index(name)] = value
            place = first + edit.row
        if edit.is_listed:
            entries.append(
                LedgerEntry(file.relative, sheet, place, edit.field, edit.class_no, edit.expected, edit.expected_in)
            )
    if plan.broken:
        note(57 if plan.broken == "encrypted" else 48, "rejected")
    return DirtyFile(
        top,
        groups,
        header,
        body + copies,
        bottom,
        entries,
        [edit.row for edit in plan.edits if edit.is_hidden],
        names.index(str(contract.school_field)) if 54 in plan.form_classes else None,
    )
