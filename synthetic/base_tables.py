"""Printed forms of 教育事业统计 (基表) of a school: a workbook with a sheet a form, as schools fill it in by hand.

The layout is written out here as the forms have it, so that what reads them is measured against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import xlsxwriter

from synthetic.world import World

Box = tuple[int, int, int, int, str]
"""First row, first column, last row, last column (0-based) and the text of a cell or merged range."""
GRADE_NAMES = {
    "教基3112": ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级"),
    "教基3115": ("七年级", "八年级", "九年级"),
    "教基3118": ("高一", "高二", "高三"),
}
PUPIL_COLUMNS = 8
"""Classes, entrants, girls among them, pupils, girls, boarders, migrants' children among them, expected graduates."""


TABLE_KINDS = {"教基3112": "小学", "教基3115": "初中", "教基3118": "普通高中"}
COLUMNS = (
    *("classes", "entrants_total", "entrants_female", "pupils_total", "pupils_female"),
    *("pupils_boarding", "pupils_migrant", "graduates_expected"),
)
SHARE = 4
"""One school in so many sends its forms."""
MARK = "—"


@dataclass
class Form:
    """A filled form: texts by place, what is merged, and the figures of its body."""

    sheet: str
    boxes: list[Box] = field(default_factory=list)
    figures: dict[tuple[int, int], int | str] = field(default_factory=dict)


def pupils_form(table_no: str, kind: str, school_code: str, lines: dict[str, list[int | str | None]]) -> Form:
    """Return 小学, 初中 or 高中学生数: a row a label with `PUPIL_COLUMNS` figures; null leaves the cell empty."""
    form = Form(f"{table_no}_{kind}")
    form.boxes += [
        (0, 0, 0, 9, "在校生分年级情况"),
        (1, 0, 1, 4, f"学校（机构）标识码：{school_code}"),
        (1, 7, 1, 9, f"表    号：{table_no}"),
        (2, 7, 2, 9, "计量单位：人、个"),
        (3, 0, 5, 0, "年  级"),
        (3, 1, 5, 1, "编号"),
        (3, 2, 5, 2, "班数"),
        (3, 3, 3, 4, "招生数"),
        (4, 3, 5, 3, "合计"),
        (4, 4, 5, 4, "其中：女"),
        (3, 5, 3, 8, "在校生数"),
        (4, 5, 5, 5, "合计"),
        (4, 6, 4, 8, "其中"),
        (5, 6, 5, 6, "女"),
        (5, 7, 5, 7, "寄宿生"),
        (5, 8, 5, 8, "随迁子女"),
        (3, 9, 5, 9, "预计毕业生数"),
    ]
    _body(form, 6, lines, PUPIL_COLUMNS)
    return form


def staff_form(kind: str, school_code: str, lines: dict[str, list[int | str | None]]) -> Form:
    """Return 教职工数: all staff, then teachers, administration, auxiliary, workers and others."""
    form = Form(f"教基4148_{kind}")
    form.boxes += [
        (0, 0, 0, 7, "教职工数"),
        (1, 0, 1, 1, "学校（机构）标识码"),
        (1, 2, 1, 3, school_code),
        (2, 0, 4, 0, "项目"),
        (2, 1, 4, 1, "编号"),
        (2, 2, 2, 7, "教职工数"),
        (3, 2, 4, 2, "合计"),
        (3, 3, 3, 7, "其中"),
        *(
            (4, col, 4, col, f"{name}人员")
            for col, name in zip(range(4, 8), ("行政", "教辅", "工勤", "其他"), strict=True)
        ),
        (4, 3, 4, 3, "专任教师"),
    ]
    _body(form, 5, lines, 6)
    return form


def _body(form: Form, first: int, lines: dict[str, list[int | str | None]], width: int) -> None:
    """Add the row of column numbers, the labelled rows and the row of signatures."""
    form.boxes += [(first, 0, first, 0, "甲"), (first, 1, first, 1, "乙")]
    form.boxes += [(first, 2 + col, first, 2 + col, str(col + 1)) for col in range(width)]
    for row, (label, values) in enumerate(lines.items(), start=first + 1):
        form.boxes += [(row, 0, row, 0, label), (row, 1, row, 1, f"{row - first:02d}")]
        form.figures.update({(row, 2 + col): value for col, value in enumerate(values) if value is not None})
    last = first + len(lines) + 2
    form.boxes += [
        (last, 0, last, 2, "单位负责人："),
        (last, 3, last, 5, "填表人："),
        (last, 6, last, 8, "报出日期：2024年9月20日"),
    ]


def write_workbook(path: Path, forms: list[Form]) -> None:
    """Write the forms as an .xlsx workbook."""
    book = xlsxwriter.Workbook(str(path), {"in_memory": True})
    book.set_properties({"created": datetime.combine(date(2024, 9, 20), time())})
    middle = book.add_format({"align": "center", "valign": "vcenter", "border": 1, "text_wrap": True})
    for form in forms:
        page = book.add_worksheet(form.sheet)
        for top, left, bottom, right, text in form.boxes:
            if (top, left) == (bottom, right):
                page.write_string(top, left, text, middle)
            else:
                page.merge_range(top, left, bottom, right, text, middle)
        for (row, col), value in form.figures.items():
            page.write(row, col, value)
    book.close()


def make_base_tables(world: World) -> None:
    """Make `rows_base_table_figure`: what some schools' forms say of their roll on 1 September, a row a cell."""
    forms = ", ".join(
        f"('{table}', '{digit}{grade}', '{name}', {grade} = 1, {grade} = {len(names)})"
        for digit, (table, names) in enumerate(GRADE_NAMES.items(), start=1)
        for grade, name in enumerate(names, start=1)
    )
    world.db.execute(
        f"""
        create table rows_base_table_figure as
        with form (table_no, row_code, row_label, is_first, is_last) as (values {forms}),
        counted as (
            select school_code, left(period, 9) as period, snapshot_date, grade_code,
                -- A class of two grades is counted in the grade that it entered with.
                count(distinct class_code) filter (where left(class_code, 4) = left(entry_ym, 4)) as classes,
                count(*) filter (where status_code = '01') as pupils,
                count(*) filter (where status_code = '01' and sex_code = '2') as girls,
                count(*) filter (where status_code = '01' and boarding_code = '2') as boarders,
                count(*) filter (where status_code = '01' and is_migrant = '1') as migrants
            from rows_student
            where right(period, 1) = '1' and draw('base_table' || school_code, {SHARE}) = 0 group by all
        ),
        page as (
            select distinct c.school_code, c.period, c.snapshot_date, f.table_no
            from counted as c inner join form as f on f.row_code = c.grade_code
        ),
        line as (
            select page.*, f.row_code, f.is_first, f.is_last, c.classes, c.pupils, c.girls, c.boarders, c.migrants
            from page inner join form as f using (table_no)
            left join counted as c
                on c.school_code = page.school_code and c.period = page.period and c.grade_code = f.row_code
        ),
        cell as (
            select school_code, period, snapshot_date, table_no, row_code, unnest([{", ".join(f"'{c}'" for c in COLUMNS)}]) as column_code,
                unnest([
                    classes, if(is_first, pupils, null), if(is_first, girls, null), pupils, girls, boarders, migrants,
                    if(is_last, pupils, null)
                ]) as value
            from line
        ),
        whole as (
            select * from cell
            union all
            select school_code, period, snapshot_date, table_no, 'total', column_code, cast(sum(value) as bigint)
            from cell group by all
        )
        select school_code, table_no, row_code, column_code, value, if(value is null, '1', '0') as is_not_applicable,
            period, snapshot_date, school_code as org
        from whole
        """
    )


def write_base_tables(world: World, school_code: str, period: str, path: Path) -> None:
    """Write one school's workbook of a school year from `rows_base_table_figure`."""
    found: dict[Any, int | None] = {
        tuple(row[:3]): row[3]
        for row in world.db.execute(
            "select table_no, row_code, column_code, value from rows_base_table_figure where school_code = ? and period = ?",
            [school_code, period],
        ).fetchall()
    }
    forms = []
    for digit, (table, names) in enumerate(GRADE_NAMES.items(), start=1):
        if (table, "total", COLUMNS[0]) not in found:
            continue
        labels = {"合计": "total"} | {name: f"{digit}{grade}" for grade, name in enumerate(names, start=1)}
        lines: dict[str, list[int | str | None]] = {}
        for label, row in labels.items():
            values = [found[table, row, column] for column in COLUMNS]
            lines[label] = [MARK if value is None else value for value in values]
        forms.append(pupils_form(table, TABLE_KINDS[table], school_code, lines))
    write_workbook(path, forms)
