"""Blank Excel templates for clerks, in exactly the layout that the contract's profile declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlsxwriter

from edu.codes import code_sets
from edu.contract import ZERO_REPORT, Contract, FieldSpec, contracts, get_contract
from edu.dictionary import TYPE_NAMES
from ingest.correction import CODES_SHEET, NOTES_SHEET

PROFILE = "template"
ROWS = 5_000
"""Rows below the header that have drop-downs and text format."""
EXAMPLES = {
    "school_code": "2142000001",
    "division_code": "421002",
    "township_code": "421002001",
    "date": "2012-09-01",
    "year_month": "201809",
    "class_name": "2023级2班",
    "integer": "12",
    "decimal": "1234.50",
    "text": "01",
    "uscc": "12421002MB00000197",
    "vision": "5.0",
    "duration": "225",
    "timestamp": "2024-09-02T10:15:00+08:00",
}
"""An example a type; names and numbers of persons have none, so that nobody sends one back."""


def example_of(field: FieldSpec, *, as_label: bool) -> str | None:
    """Return a value that a field takes without a finding; null for names and numbers of persons."""
    code_set = _code_set(field)
    if code_set:
        code = field.example or next(iter(code_sets()[code_set]))
        return code_sets()[code_set][code] if as_label else code
    if field.example or field.type not in ("integer", "decimal"):
        return field.example or EXAMPLES.get(field.type)
    low = field.minimum if field.minimum is not None else 0
    high = field.maximum if field.maximum is not None else float("inf")
    usual = float(EXAMPLES[field.type])
    value = usual if low <= usual <= high else low if high == float("inf") else (low + high) / 2
    return f"{value:.0f}" if field.type == "integer" else f"{value:.{field.scale}f}"


def title_text(contract: Contract, profile: str = PROFILE) -> str:
    """Return the fixed part of the title row, from the pattern that recognises it."""
    pattern = contract.profiles[profile].title_pattern or ""
    return pattern.removeprefix("^").split("(?:")[0].replace("\\", "")


def _code_set(field: FieldSpec) -> str | None:
    return "SFBZ" if field.type == "flag" else field.code_set


def write_template(dataset: str, path: Path, profile: str = PROFILE) -> None:
    """Write a blank template of a dataset.

    The data sheet comes first: title row, header with a star before what must be filled, drop-downs for coded
    fields. `填表说明` explains every field with an example, `代码表` holds the labels.

    Raises:
        UnknownDatasetError: the dataset has no contract.
    """
    contract = get_contract(dataset)
    form = contract.profiles[profile]
    fields = contract.profile_fields(profile)
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path))
    title = book.add_format({"bold": True, "font_size": 14, "align": "center", "valign": "vcenter"})
    head = book.add_format({"bold": True, "bg_color": "#DCE9EF", "border": 1, "text_wrap": True, "align": "center"})
    must = book.add_format({"bold": True, "bg_color": "#FBE3D6", "border": 1, "text_wrap": True, "align": "center"})
    text = book.add_format({"num_format": "@"})
    page = book.add_worksheet(form.sheet or contract.label)
    notes = book.add_worksheet(NOTES_SHEET)
    codes = book.add_worksheet(CODES_SHEET)
    ranges = _write_codes(book, codes, fields)
    page.merge_range(0, 0, 0, len(fields) - 1, title_text(contract, profile), title)
    page.set_row(0, 28)
    header_row = form.layout.title_rows
    page.freeze_panes(header_row + 1, 0)
    for column, field in enumerate(fields):
        is_must = field.name in form.mandatory
        page.set_column(column, column, max(12, 2 * len(field.label) + 4), text)
        page.write_string(
            header_row,
            column,
            ("*" if is_must else "") + contract.header(profile, field.name),
            must if is_must else head,
        )
        code_set = _code_set(field)
        if code_set:
            page.data_validation(
                header_row + 1,
                column,
                header_row + ROWS,
                column,
                {
                    "validate": "list",
                    "source": ranges[code_set],
                    "error_title": "请从下拉选项中选择",
                    "error_message": f"“{field.label}”只能填写代码表中的名称。",
                },
            )
    _write_notes(book, notes, contract, fields, form.mandatory)
    codes.hide()
    book.close()


def _write_codes(book: Any, sheet: Any, fields: list[FieldSpec]) -> dict[str, str]:
    """Write the labels of every code set in a column of its own; return the range of each."""
    bold = book.add_format({"bold": True})
    ranges = {}
    for column, name in enumerate(sorted({_code_set(field) or "" for field in fields} - {""})):
        labels = list(dict.fromkeys(code_sets()[name].values()))
        sheet.write_string(0, column, name, bold)
        for row, label in enumerate(labels, start=1):
            sheet.write_string(row, column, label)
        letter = xlsxwriter.utility.xl_col_to_name(column, col_abs=True)
        ranges[name] = f"='{CODES_SHEET}'!{letter}$2:{letter}${len(labels) + 1}"
    return ranges


def _write_notes(
    book: Any, sheet: Any, contract: Contract, fields: list[FieldSpec], mandatory: tuple[str, ...]
) -> None:
    bold = book.add_format({"bold": True, "bg_color": "#DCE9EF", "border": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.write_string(
        0, 0, f"{contract.label}：填表说明。带 * 的列必须填写；没有内容的单元格请留空；不要增加标题、合计行。", wrap
    )
    if contract.zero_report:
        school, first = (field.label for field in fields[:2])
        told = f"本期没有可报内容的，填写“{school}”，并在“{first}”列填写“{ZERO_REPORT}”；不填报视为未报，不作零计。"
        sheet.write_string(1, 0, told, wrap)
    for column, (name, width) in enumerate(
        (("字段", 22), ("必填", 6), ("类型", 18), ("单位", 6), ("可填内容", 60), ("示例", 16))
    ):
        sheet.set_column(column, column, width)
        sheet.write_string(2, column, name, bold)
    for row, field in enumerate(fields, start=3):
        code_set = _code_set(field)
        labels = list(dict.fromkeys(code_sets()[code_set].values())) if code_set else []
        shown = "、".join(labels[:12]) + ("……" if len(labels) > 12 else "")
        example = example_of(field, as_label=True) or ""
        values = (
            field.label,
            "是" if field.name in mandatory else "",
            TYPE_NAMES[field.type],
            field.unit or "",
            shown,
            example,
        )
        for column, value in enumerate(values):
            sheet.write_string(row, column, value, wrap)


def write_all_templates(folder: Path) -> list[Path]:
    """Write the blank template of every dataset that has one; return the files, named by dataset and label."""
    paths = []
    for name, contract in contracts().items():
        if PROFILE in contract.profiles:
            path = folder / f"{name}_{contract.label.replace('/', '')}.xlsx"
            write_template(name, path)
            paths.append(path)
    return paths
