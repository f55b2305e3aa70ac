"""The page for clerks about what is often wrong in files: written from the seeds of classes and reasons."""

from __future__ import annotations

from edu.codes import seed_rows
from edu.settings import PROJECT_ROOT

PAGE_FILE = PROJECT_ROOT / "docs" / "dirty-data.md"
SEVERITY_NAMES = {
    "reject": "退回文件",
    "quarantine": "隔离该行",
    "incomplete": "字段留空，该行仍计入",
    "fix": "自动修正并记录",
    "warn": "提示",
}
FOUND_IN = {
    "management.case": "开立个案",
    "management.reconciliation": "对账",
    "management.submission_status": "报送进度",
    "storage.map_person": "入库后计算",
    "storage.dim_township": "入库后计算",
    "export": "导出时处理",
}
HEAD = """# 常见数据问题与处理

由数据问题目录和原因代码生成（`make docs`）。每个问题都记录为一条“发现”，写明文件、工作表、行号、字段和原因，不含任何个人信息的具体内容；自动修正也只记录位置，不记录修正前后的值。学生不会因为某个字段写错而从统计中丢失：身份或描述性字段有误时，只将该字段留空，该行仍计入；只有无法确定学校、年级、状态，或数值无法读出的行才会被隔离。同一单元格最多记一条发现，问题重于修正。例子都是虚构的。

## 问题目录

| 类别 | 问题 | 例子 | 数据集 | 规则 | 记录在 |
|---|---|---|---|---|---|
"""
REASON_HEAD = """
## 原因代码与改正方法

| 类别 | 原因代码 | 处理 | 说明 | 怎样改正 |
|---|---|---|---|---|
"""
TAIL = """
同一种错误在确定该行归属的字段（学校、年级、状态、异动日期）上会隔离该行，在其他字段上只留空；具体以数据字典为准。

## 不算问题的写法

按模板或全国系统导出的固定写法填报，不会产生任何发现：模板的标题行、必填列表头前的 `*`、模板中用名称、全国导出中用代码、`2012-09-01` 与 `20120901` 两种日期。

## 怎样重新报送

改正后把整份文件放回原来的文件夹即可。同一单位、同一学期的完整报送以后收到的为准；内容完全相同的文件不会重复入库。
"""


def defect_page() -> str:
    """Return the page: one row a class, then one row a reason code."""
    classes = [
        f"| {row['class_no']} | {row['class_name']} | {row['example']} | {row['datasets']} | {row['rule_zh']} "
        f"| {FOUND_IN.get(row['handled_in'], '发现')} |"
        for row in seed_rows("defect_class")
    ]
    found = sorted(seed_rows("reason_code"), key=lambda row: (int(row["class_no"] or 99), row["reason_code"]))
    reasons = [
        f"| {row['class_no'] or '—'} | `{row['reason_code']}` | {SEVERITY_NAMES[row['severity']]} "
        f"| {row['message_zh'].replace('{label}', '字段')} | {row['remedy_zh'].replace('{label}', '该字段')} |"
        for row in found
    ]
    return HEAD + "\n".join(classes) + "\n" + REASON_HEAD + "\n".join(reasons) + "\n" + TAIL
