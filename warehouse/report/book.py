"""Writes one area's statistical tables, checks and differences from the school's own forms as a workbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from warehouse.report.checks import Check


@dataclass(frozen=True)
class Cell:
    """One cell of a table with its names, and what the school's own form says (null where it says nothing)."""

    table_no: str
    row_code: str
    row_name: str
    column_code: str
    column_name: str
    column_order: int
    value: Decimal
    base_table_value: Decimal | None


@dataclass(frozen=True)
class Area:
    """What a workbook is of."""

    code: str
    name: str
    level_name: str
    school_year: str
    snapshot_date: date | None
    version: str


def write_book(
    path: Path, area: Area, cells: Sequence[Cell], checks: Sequence[Check], differences: Sequence[tuple[str, Cell]]
) -> None:
    """Write the workbook; text is written as text, so that nothing in it becomes a formula."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    head = book.add_format({"bold": True, "bg_color": "#DDE7F3", "border": 1})
    bad = book.add_format({"bg_color": "#F8CBAD"})
    cover = book.add_worksheet("说明")
    broken = sum(check.is_broken for check in checks)
    doubtful = sum(not check.is_kept for check in checks) - broken
    facts = (
        ("单位", area.name),
        ("编码", area.code),
        ("层级", area.level_name),
        ("学年", area.school_year),
        ("时点", str(area.snapshot_date or "")),
        ("数据版本", area.version),
        ("校验", f"{len(checks)} 项，不通过 {broken} 项，需核实 {doubtful} 项"),
        ("与基表不一致", f"{len(differences)} 处"),
        ("说明", "由 9 月 1 日时点数据生成；表号须按当年统计调查制度核对。空白表示没有报送或没有此项，不是零。"),
    )
    cover.set_column(0, 0, 16)
    cover.set_column(1, 1, 70)
    for number, (label, text) in enumerate(facts):
        cover.write_string(number, 0, label, head)
        cover.write_string(number, 1, text)
    for table_no in sorted({cell.table_no for cell in cells}):
        _write_table(book, head, table_no, [cell for cell in cells if cell.table_no == table_no])
    sheet = book.add_worksheet("校验")
    _header(sheet, head, ("类别", "表号", "规则", "左", "右", "结果"))
    for number, check in enumerate(sorted(checks, key=lambda one: (not one.is_broken, one.is_kept)), start=1):
        mark = None if check.is_kept else bad
        for column, text in enumerate((check.kind, check.table_no, check.rule)):
            sheet.write_string(number, column, text, mark)
        sheet.write_number(number, 3, float(check.left), mark)
        sheet.write_number(number, 4, float(check.right), mark)
        sheet.write_string(number, 5, "通过" if check.is_kept else "不通过" if check.is_broken else "需核实", mark)
    sheet = book.add_worksheet("基表差异")
    _header(sheet, head, ("学校标识码", "表号", "行", "列", "时点数据", "学校基表", "差"))
    for number, (school_code, cell) in enumerate(differences, start=1):
        for column, text in enumerate((school_code, cell.table_no, cell.row_name, cell.column_name)):
            sheet.write_string(number, column, text)
        told = cell.base_table_value or Decimal(0)
        for column, value in enumerate((cell.value, told, told - cell.value), start=4):
            sheet.write_number(number, column, float(value))
    book.close()


def _write_table(book: xlsxwriter.Workbook, head: object, table_no: str, cells: Sequence[Cell]) -> None:
    sheet = book.add_worksheet(table_no)
    columns = sorted({(cell.column_order, cell.column_code, cell.column_name) for cell in cells})
    # Grades first, then the total, then what is part of it.
    rows = sorted(
        {
            (
                ("total", "female").index(c.row_code) + 1 if c.row_code in ("total", "female") else 0,
                c.row_code,
                c.row_name,
            )
            for c in cells
        }
    )
    _header(sheet, head, ["行次", *(name for _, _, name in columns)])
    place = {code: number for number, (_, code, _) in enumerate(columns, start=1)}
    line = {code: number for number, (_, code, _) in enumerate(rows, start=1)}
    for _, code, name in rows:
        sheet.write_string(line[code], 0, name)
    for cell in cells:
        sheet.write_number(line[cell.row_code], place[cell.column_code], float(cell.value))


def _header(sheet: xlsxwriter.worksheet.Worksheet, head: object, names: Iterable[str]) -> None:
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, head)
        sheet.set_column(column, column, max(10, 2 * len(name) + 2))
    sheet.freeze_panes(1, 1)
