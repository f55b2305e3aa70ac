"""What arrived, what is wrong and what is served: read from the run records and the published version only."""

from __future__ import annotations

from typing import Any

import duckdb

from edu.batches import named_if_broken
from edu.contract import contracts
from edu.paths import Home
from edu.runs import ensure_empty
from warehouse.publish import current_version, read_changelog

MOST_FREQUENT = 8


def status(home: Home) -> dict[str, Any]:
    """Return counts of submissions and findings, the latest gate results and the served version.

    Raises:
        ReceiptsBrokenError, LakeBrokenError, RecordsBrokenError: receipts, findings or gate results cannot be read.
    """
    ensure_empty(home)
    with duckdb.connect() as connection, named_if_broken(home, "submission", "finding", "gate_result"):

        def rows(sql: str) -> list[dict[str, Any]]:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        # A submission that was landed again counts once: by its newest landing, with that landing's findings.
        connection.execute(
            f"create temp view landing as select * from read_parquet('{home.runs}/submission/*.parquet') "
            "qualify row_number() over (partition by submission_id order by recorded_at desc, batch_id desc) = 1"
        )
        receipts = "landing"
        findings = (
            f"(select f.* from read_parquet('{home.runs}/finding/*.parquet', union_by_name = true) as f "
            "inner join landing as l on l.submission_id = f.submission_id and l.batch_id = f.batch_id)"
        )
        # While a month's records are merged, some stand in two files.
        gates = f"(select distinct * from read_parquet('{home.runs}/gate_result/*.parquet'))"
        submissions = rows(
            f"select dataset, count(*) as files, count(*) filter (where status = 'accepted') as accepted, "
            f"count(*) filter (where status = 'partly_accepted') as partly_accepted, "
            f"count(*) filter (where status = 'rejected') as rejected, sum(rows_read)::bigint as rows_read, "
            f"sum(rows_accepted)::bigint as rows_accepted, sum(rows_incomplete)::bigint as rows_incomplete, "
            f"sum(rows_quarantined)::bigint as rows_quarantined from {receipts} group by 1 order by 1"
        )
        found = rows(
            f"with counted as (select severity, class_no, reason_code, count(*) as findings, "
            f"min(regexp_replace(message_zh, '“[^”]*”', '字段')) as message_zh from {findings} group by all) "
            "select * from counted order by case severity when 'reject' then 1 when 'quarantine' then 2 "
            "when 'incomplete' then 3 when 'warn' then 4 else 5 end, findings desc, reason_code"
        )
        results = rows(
            f"with latest as (select gate, max_by(run_id, (recorded_at, run_id)) as run_id from {gates} group by gate) "
            f"select gate, count(*) filter (where scope = 'global') as checks, "
            f"count(*) filter (where scope = 'global' and not is_success and severity = 'critical') as failed, "
            f"count(*) filter (where scope = 'unit' and not is_success) as held "
            f"from {gates} inner join latest using (gate, run_id) group by gate order by gate"
        )
    for row in submissions:
        row["label_zh"] = contracts()[row["dataset"]].label if row["dataset"] in contracts() else row["dataset"]
    version = current_version(home)
    entry = next((item for item in read_changelog(home) if item["version"] == version), None)
    page = home.published / "site" / "index.html"
    return {
        "home": str(home.root),
        "submissions": submissions,
        "findings": found,
        "gates": results,
        "published": {
            "version": version,
            "created_at": entry["created_at"] if entry else None,
            "tables": len(entry["tables"]) if entry else 0,
            "page": str(page) if page.exists() else None,
        },
    }


SEVERITY_NAMES = {"reject": "退回", "quarantine": "隔离", "incomplete": "不完整", "warn": "提示", "fix": "已修正"}


def render(content: dict[str, Any]) -> Any:
    """Return the status as tables for a terminal, in Chinese."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    arrived = Table(title="到了什么", title_justify="left")
    for name in ("数据集", "文件", "接收", "部分接收", "退回", "读取行", "接收行", "其中不完整", "隔离行"):
        arrived.add_column(name, justify="left" if name == "数据集" else "right")
    for row in content["submissions"]:
        values = ("files", "accepted", "partly_accepted", "rejected", "rows_read", "rows_accepted")
        more = ("rows_incomplete", "rows_quarantined")
        arrived.add_row(row["label_zh"], *(f"{row[name]:,}" for name in (*values, *more)))
    found = Table(title="有什么问题", title_justify="left")
    for name in ("处理", "类别", "说明", "次数"):
        found.add_column(name, justify="right" if name in ("类别", "次数") else "left")
    for row in content["findings"][: 2 * MOST_FREQUENT]:
        found.add_row(
            SEVERITY_NAMES[row["severity"]],
            str(row["class_no"] or ""),
            row["message_zh"],
            f"{row['findings']:,}",
        )
    gates = Table(title="质量门", title_justify="left")
    for name in ("质量门", "检查", "未通过", "暂扣单元"):
        gates.add_column(name, justify="left" if name == "质量门" else "right")
    for row in content["gates"]:
        gates.add_row(row["gate"], str(row["checks"]), str(row["failed"]), str(row["held"]))
    served = content["published"]
    text = (
        f"已发布版本 {served['version']}({served['tables']} 张表,{served['created_at']})"
        if served["version"]
        else "尚未发布。"
    )
    return Group(arrived, found, gates, Text(text))
