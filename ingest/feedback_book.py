"""The correction workbook: the sender's sheets with marked cells, a summary, drop-downs, and its own metadata."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from edu.codes import code_sets
from ingest.correction import CODES_SHEET, PROPERTY_SHEET, SUMMARY_SHEET
from ingest.feedback import DONE, LOOK, MUST, Feedback, Mark, code_set_of
from ingest.layout import Page

COLOURS = {MUST: "#F4B183", LOOK: "#FFE699", DONE: "#C6E0B4"}
ORDER = {MUST: 0, LOOK: 1, DONE: 2}
AUTHOR = "荆州教育大数据平台"
COMMENTS_MAXIMUM = 5_000
PLACES_MAXIMUM = 5_000
PROMPT_CHARACTERS = 255
"""Excel's limit of an input message."""
EXTRA_ROWS = 200
"""Rows below the last that have drop-downs too, so that a row can be added."""
LAST_SHEET_NAME = 31


def book_bytes(feedback: Feedback) -> bytes:
    """Return the workbook. Every cell is a typed string: no formula can come of what somebody wrote."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    names = [page.name[:LAST_SHEET_NAME] for page in feedback.pages]
    pages = [book.add_worksheet(name) for name in names]
    summary = book.add_worksheet(SUMMARY_SHEET)
    if feedback.pages:
        codes = book.add_worksheet(CODES_SHEET)
        ranges = _write_codes(book, codes, feedback)
        codes.hide()
        for number, sheet in enumerate(pages):
            marks = [mark for mark in feedback.marks if mark.page == number and mark.row]
            _write_page(book, sheet, feedback, feedback.pages[number], marks, ranges)
        properties = book.add_worksheet(PROPERTY_SHEET)
        _write_properties(properties, feedback)
        properties.very_hidden()
    _write_summary(book, summary, feedback, names)
    summary.activate()
    book.close()
    return buffer.getvalue()


def _write_properties(sheet: Any, feedback: Feedback) -> None:
    receipt = feedback.receipt
    values = {
        "dataset": receipt["dataset"],
        "org": receipt["submitter_org"],
        "period": receipt["period"],
        "snapshot_date": receipt["snapshot_date"].isoformat() if receipt["snapshot_date"] else "",
        "coverage": feedback.coverage,
        "profile": feedback.profile,
        "school": feedback.school or "",
        "corrects": receipt["submission_id"],
    }
    for row, (name, value) in enumerate(values.items()):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, str(value))


def _write_codes(book: Any, sheet: Any, feedback: Feedback) -> dict[str, str]:
    """Write codes and labels of every code set side by side; return the range of what the form's cells hold."""
    bold = book.add_format({"bold": True})
    text = book.add_format({"num_format": "@"})
    holds_codes = feedback.contract.profiles[feedback.profile].value_form == "code"
    wanted = {name for page in feedback.pages for name in page.columns.values()}
    sets = sorted({code_set_of(f) or "" for f in feedback.contract.fields if f.name in wanted} - {""})
    ranges = {}
    for number, name in enumerate(sets):
        column = 2 * number
        sheet.write_string(0, column, f"{name} 代码", bold)
        sheet.write_string(0, column + 1, f"{name} 名称", bold)
        items = list(code_sets()[name].items())
        for row, (code, label) in enumerate(items, start=1):
            sheet.write_string(row, column, code, text)
            sheet.write_string(row, column + 1, label, text)
        letter = xl_col_to_name(column if holds_codes else column + 1, col_abs=True)
        ranges[name] = f"='{CODES_SHEET}'!{letter}$2:{letter}${len(items) + 1}"
    return ranges


def _write_page(
    book: Any, sheet: Any, feedback: Feedback, page: Page, marks: list[Mark], ranges: dict[str, str]
) -> None:
    text = book.add_format({"num_format": "@"})
    head = book.add_format({"num_format": "@", "bold": True, "bg_color": "#DCE9EF", "border": 1, "text_wrap": True})
    coloured = {
        group: book.add_format({"num_format": "@", "bg_color": colour, "border": 1})
        for group, colour in COLOURS.items()
    }
    by_cell: dict[tuple[int, int], list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.row:
            by_cell[(mark.row, mark.column or 0)].append(mark)
    sheet.set_column(0, max(page.width - 1, 0), 16, text)
    sheet.freeze_panes(page.header_row, 0)
    for merge in page.merges:
        text_of = page.rows.get(merge.first_row, {}).get(merge.first_col, "")
        sheet.merge_range(merge.first_row - 1, merge.first_col, merge.last_row - 1, merge.last_col, text_of, head)
    for row in sorted(page.rows):
        for column, value in sorted(page.rows[row].items()):
            if (row, column) not in by_cell:
                sheet.write_string(row - 1, column, value, head if row == page.header_row else text)
    comments = 0
    for (row, column), found in sorted(by_cell.items()):
        worst = min(found, key=lambda mark: ORDER[mark.group])
        shown = page.rows.get(row, {}).get(column)
        if shown:
            sheet.write_string(row - 1, column, shown, coloured[worst.group])
        else:
            sheet.write_blank(row - 1, column, None, coloured[worst.group])
        if comments < COMMENTS_MAXIMUM:
            lines = [f"【{mark.group}】{mark.message_zh}\n怎么改：{mark.remedy_zh}" for mark in found]
            sheet.write_comment(row - 1, column, "\n".join(lines), {"author": AUTHOR, "x_scale": 2, "y_scale": 1.2})
            comments += 1
    last = max(page.rows) + EXTRA_ROWS
    for column, name in page.columns.items():
        _drop_down(sheet, feedback, page, column, name, last, ranges)


def _drop_down(
    sheet: Any, feedback: Feedback, page: Page, column: int, name: str, last: int, ranges: dict[str, str]
) -> None:
    field = feedback.contract.field(name)
    code_set = code_set_of(field)
    if code_set is None or code_set not in ranges:
        return
    rule: dict[str, Any] = {
        "validate": "list",
        "source": ranges[code_set],
        # A wrong value stands until it is mended; the reader judges it.
        "error_type": "warning",
        "error_title": "请从下拉选项中选择",
        "error_message": f"“{field.label}”只能填写代码表中的内容。",
    }
    if feedback.contract.profiles[feedback.profile].value_form == "code":
        shown = "；".join(f"{code} {label}" for code, label in code_sets()[code_set].items())
        is_long = len(shown) > PROMPT_CHARACTERS
        rule["input_title"] = f"{field.label}代码"[:32]
        rule["input_message"] = shown[: PROMPT_CHARACTERS - 10] + "……见代码表" if is_long else shown
    sheet.data_validation(page.header_row, column, last, column, rule)


def _write_summary(book: Any, sheet: Any, feedback: Feedback, names: list[str]) -> None:
    title = book.add_format({"bold": True, "font_size": 14})
    bold = book.add_format({"bold": True, "bg_color": "#DCE9EF", "border": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    link = book.add_format({"font_color": "#0563C1", "underline": 1})
    coloured = {group: book.add_format({"bg_color": colour}) for group, colour in COLOURS.items()}
    for column, width in enumerate((12, 18, 46, 46, 8, 22)):
        sheet.set_column(column, column, width)
    receipt, contract = feedback.receipt, feedback.contract
    sheet.write_string(0, 0, f"{contract.label}：报送结果与更正说明", title)
    row = 1
    for line in _opening(feedback):
        sheet.write_string(row, 0, line)
        row += 1
    row += 1
    counts: Counter[tuple[str, str | None, str, str]] = Counter()
    first: dict[tuple[str, str | None, str, str], Mark] = {}
    for mark in feedback.marks:
        key = (mark.group, mark.field, mark.message_zh, mark.remedy_zh)
        counts[key] += 1
        first.setdefault(key, mark)
    for group, name_of_field, message in feedback.totals:
        # What only rows have that are not shown is told by its number.
        if not any(key[:3] == (group, name_of_field, message) for key in counts):
            counts[(group, name_of_field, message, "")] = 0
    for column, name in enumerate(("处理", "字段", "问题", "怎么改", "个数", "第一处")):
        sheet.write_string(row, column, name, bold)
    for key, count in sorted(counts.items(), key=lambda item: (ORDER[item[0][0]], -item[1], item[0][2])):
        row += 1
        group, name_of_field, message, remedy = key
        sheet.write_string(row, 0, group, coloured[group])
        sheet.write_string(row, 1, contract.field(name_of_field).label if name_of_field else "")
        sheet.write_string(row, 2, message, wrap)
        sheet.write_string(row, 3, remedy, wrap)
        sheet.write_number(row, 4, feedback.totals.get((group, name_of_field, message), count))
        if key in first:
            _write_place(sheet, row, 5, first[key], names, link)
    placed = [mark for mark in feedback.marks if mark.row and mark.group != DONE]
    if placed and receipt["status"] != "rejected":
        row += 2
        for column, name in enumerate(("处理", "字段", "问题", "怎么改", "", "位置")):
            sheet.write_string(row, column, name, bold)
        for mark in sorted(placed, key=lambda m: (ORDER[m.group], m.page, m.row or 0))[:PLACES_MAXIMUM]:
            row += 1
            sheet.write_string(row, 0, mark.group, coloured[mark.group])
            sheet.write_string(row, 1, contract.field(mark.field).label if mark.field else "")
            sheet.write_string(row, 2, mark.message_zh)
            sheet.write_string(row, 3, mark.remedy_zh)
            _write_place(sheet, row, 5, mark, names, link)


def _opening(feedback: Feedback) -> list[str]:
    """Return what the clerk reads first: of what this is, what became of it, and how to send it back."""
    receipt = feedback.receipt
    status = {"accepted": "已接收", "partly_accepted": "部分接收", "rejected": "未接收"}[receipt["status"]]
    groups: Counter[str] = Counter()
    for (group, _, _), number in feedback.totals.items():
        groups[group] += number
    unlisted = sum(groups.values()) - len(feedback.marks)
    dropped = f"，另略过标题、说明、合计或签章 {receipt['rows_dropped']} 行" if receipt["rows_dropped"] else ""
    lines = [
        f"报送编号：{receipt['submission_id']}",
        f"报送单位：{receipt['submitter_org']}　学年学期：{receipt['period']}　收到时间：{receipt['received_at']}",
        f"结果：{status}。读取 {receipt['rows_read']} 行，接收 {receipt['rows_accepted']} 行"
        f"（其中不完整 {receipt['rows_incomplete']} 行），未接收 {receipt['rows_quarantined']} 行{dropped}。",
        f"{MUST} {groups[MUST]} 处（橙色），{LOOK} {groups[LOOK]} 处（黄色），{DONE} {groups[DONE]} 处（绿色，已填入规范写法）。",
    ]
    if not feedback.pages:
        lines.append("怎么办：按下面“怎么改”一栏改好原来的文件，重新报送。")
    elif feedback.is_partial:
        lines.append(
            "怎么办：文件较大，这里只列出有问题的行。改好有颜色的单元格后，把本工作簿原样报送；其余的行不受影响。"
        )
        if unlisted > 0:
            lines.append(f"问题较多，另有 {unlisted} 处没有逐一列出，个数见下表；改好后系统会再次检查。")
        if feedback.left_out:
            lines.append(f"另有 {feedback.left_out} 行的学籍号、学校等关键项有误，请在原文件中改好后整份重新报送。")
    else:
        lines.append("怎么办：改好有颜色的单元格后，把本工作簿原样报送，即整份取代原来的报送；不必删除本页和批注。")
    return lines


def _write_place(sheet: Any, row: int, column: int, mark: Mark, names: list[str], link: Any) -> None:
    if not mark.row:
        sheet.write_string(row, column, "整个文件")
    elif 0 <= mark.page < len(names):
        cell = xl_rowcol_to_cell(mark.row - 1, mark.column or 0)
        name = names[mark.page].replace("'", "''")
        sheet.write_url(row, column, f"internal:'{name}'!{cell}", link, f"{names[mark.page]}!{cell}")
    else:
        sheet.write_string(row, column, f"第 {mark.row} 行")
