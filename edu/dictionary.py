"""What is generated from the contracts: dbt sources, collection models and the Chinese data dictionary.

`python -m edu.dictionary` writes them; a drift test compares them with what is committed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from edu.contract import SYSTEM_COLUMNS, Contract, FieldSpec, contracts
from edu.defect_page import PAGE_FILE, defect_page
from edu.runs import RUN_SCHEMAS
from edu.settings import PROJECT_ROOT

COLLECTION_DIR = PROJECT_ROOT / "dbt_project" / "models" / "collection"
SOURCES_FILE = COLLECTION_DIR / "_sources.yml"
DICTIONARY_FILE = PROJECT_ROOT / "docs" / "data-dictionary.md"

SYSTEM_LABELS = {
    "submission_id": ("报送编号", "Id of the submission that the row came with."),
    "batch_id": ("批次编号", "Landing batch; differs between installations."),
    "sheet": ("工作表", "Sheet of a workbook or part of a bundle."),
    "row_number": ("行号", "Row of the sheet, or record of a CSV with the header as 1."),
    "submitter_org": ("报送单位", "Organisation that sent the submission."),
    "period": ("学年学期", "Term or school year that the row speaks of."),
    "snapshot_date": ("时点", "Date that the row speaks of."),
    "is_incomplete": ("是否不完整", "Whether a faulty field was set null."),
    "is_deleted": ("是否删除", "Whether the row removes its key from the unit, from this delivery on."),
    "row_key": ("行键", "Key of the row within its unit, from its best evidence."),
    "identity_status": ("证件核验状态", "verified, unverified, other_document or missing."),
}
"""Chinese label and meaning of columns that landing adds to every dataset."""
DERIVED_LABELS = {
    "class_no": ("班序号", "Number of the class within its entry year."),
    "entry_year": ("入学年份", "Year in which the class entered."),
}
"""The same for columns that a class name is parsed into."""
RUN_TITLES = {
    "submission": "Receipts, one row a submission; the commit point of its landing.",
    "finding": "Findings, one row a defect found.",
    "unit": "Units, one row a school, period and snapshot that a submission speaks of.",
    "batch_file": "One row a file that a landing wrote: its bytes and hash.",
    "gate_result": "Gate results, one row an expectation or a unit.",
    "approval": "Approvals, one row an organisation, dataset and period; a city's approval locks.",
    "approval_seen": "Deliveries that an approval saw, one row a unit and submission.",
    "correction": "Decisions on changes after a lock (更正单), one row a decision.",
    "plan_opinion": "Opinions on evaluations of the plan and the replies to them; the newest record of an opinion counts.",
    "restriction": "Restrictions of a person's data and their lifting, one row a key that was the person's.",
    "decision": "Decisions on cases, one row a decision; input data that survives rebuilds.",
    "link_evidence": "Agreements of two roll numbers seen beside the vault, pseudonyms and booleans only.",
    "official_release": "Releases of figures that were sent upward, one row a release.",
    "official_figure": "Figures of official releases as they were reported, one row a figure.",
    "withdrawal": "Withdrawals, one row a submission that its sender or a steward took back.",
    "release": "Releases, one row a held delivery and expectation that a steward let through.",
    "pull": "Pulls, one row a table of a source database: its watermark, and source count against landed count.",
    "run_log": "Steps of runs.",
    "share_request": "Requests for sharing, one row a request.",
    "share_decision": "Decisions on requests: approved, refused, revoked.",
    "share_release": "Packages that were handed out.",
}
TYPE_NAMES = {
    **{"text": "文本", "code": "代码", "flag": "是/否", "integer": "整数", "decimal": "小数", "date": "日期"},
    **{"year_month": "年月", "school_code": "学校标识码", "division_code": "行政区划码", "township_code": "乡镇代码"},
    **{"uscc": "统一社会信用代码", "class_name": "班级名称", "identifier": "标识号(入库即转换)"},
    **{"private": "个人信息(仅保管库)", "vision": "视力(五分记录)", "duration": "时长(秒)", "timestamp": "时间"},
}
PERIOD_NAMES = {"term": "学期", "school_year": "学年", "fiscal_year": "年度", "date": "日期"}
LEVEL_NAMES = {"identifier": "仅保管库", "sensitive": "L4", "quasi": "L3", "ordinary": "L3"}


def is_about_persons(contract: Contract) -> bool:
    """Whether a row speaks of one person: it names one, or an identifier is evidence of the row."""
    evidence = {name for group in contract.evidence for name in group}
    return any(
        spec.type == "private" or (spec.type == "identifier" and spec.name in evidence) for spec in contract.fields
    )


def level_of(contract: Contract, field: FieldSpec) -> str:
    """Return the level of a field: identifiers stay in the vault; persons are L4 or L3, schools L2."""
    is_person = is_about_persons(contract)
    if field.privacy == "identifier":
        return LEVEL_NAMES["identifier"]
    return LEVEL_NAMES[field.privacy] if is_person else "L2"


def lake_column_notes(contract: Contract) -> dict[str, tuple[str, str, str]]:
    """Return Chinese label, description and privacy of every lake column of a dataset."""
    notes = {name: (*SYSTEM_LABELS[name], "ordinary") for name, _ in SYSTEM_COLUMNS}
    for name in ("row_key", "identity_status"):
        notes[name] = (*SYSTEM_LABELS[name], "ordinary")
    for field in contract.fields:
        for name, _ in field.lake_columns():
            if name in DERIVED_LABELS:
                notes[name] = (*DERIVED_LABELS[name], "ordinary")
            elif field.type == "identifier":
                notes[name] = (f"{field.label}(假名)", f"Pseudonym: {field.description}", "quasi")
            else:
                notes[name] = (field.label, field.description, field.privacy)
    return {name: notes[name] for name in contract.lake_schema().names}


def _duck_type(kind: pa.DataType) -> str:
    plain = {
        "string": "varchar",
        "int32": "integer",
        "int64": "bigint",
        "bool": "boolean",
        "date32[day]": "date",
        "timestamp[us]": "timestamp",
    }
    text = str(kind)
    return plain.get(text) or text.replace("decimal128", "decimal")


def _runs_location(kind: str) -> str:
    """Return where a kind of run records is; a build aside reads its own gate results beside the installation's."""
    if kind != "gate_result":
        return _location(f"runs/{kind}/*.parquet")
    own = "\"'\" ~ env_var('EDU_HOME') ~ \"/runs/gate_result/*.parquet'\""
    return (
        f"read_parquet({{{{ env_var('EDU_GATE_RESULTS', {own}) }}}}, union_by_name = true, hive_partitioning = false)"
    )


def dbt_sources() -> str:
    """Return the text of `models/collection/_sources.yml`: the lake and the run records as dbt sources."""
    lake = []
    for contract in contracts().values():
        notes = lake_column_notes(contract)
        lake.append(
            {
                "name": contract.dataset,
                "description": f"{contract.description} Grain: {contract.grain}.",
                "config": {"meta": {"external_location": _location(f"lake/{contract.dataset}/**/*.parquet")}},
                "columns": [
                    {
                        "name": field.name,
                        "description": notes[field.name][1],
                        "data_type": _duck_type(field.type),
                        "config": {"meta": {"label_zh": notes[field.name][0], "privacy": notes[field.name][2]}},
                    }
                    for field in contract.lake_schema()
                ],
            }
        )
    runs = [
        {
            "name": kind,
            "description": RUN_TITLES[kind],
            "config": {"meta": {"external_location": _runs_location(kind)}},
            "columns": [{"name": field.name, "data_type": _duck_type(field.type)} for field in schema],
        }
        for kind, schema in RUN_SCHEMAS.items()
    ]
    content = {
        "version": 2,
        "sources": [
            {"name": "lake", "description": "Accepted rows of all landings, from the contracts.", "tables": lake},
            {"name": "runs", "description": "Receipts, findings and results, append-only.", "tables": runs},
        ],
    }
    head = "# Generated from the contracts by `make docs`; a drift test compares.\n"
    return head + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)


def collection_model(contract: Contract) -> str:
    """Return the SQL of `col_<dataset>`: every accepted row of every landing that counts, loaded once.

    After `col_unit`: what lands while a build runs may have rows whose units are not read yet, which the next build reads,
    but never units whose rows are not loaded, which no build would look at again.
    """
    columns = ",\n".join(f"    lake_row.{name}" for name in contract.lake_schema().names)
    return f"""-- Generated from the contract by `make docs`; a drift test compares.
{{{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}}}
-- depends_on: {{{{ ref('col_unit') }}}}

select
{columns}
from {{{{ source('lake', '{contract.dataset}') }}}} as lake_row
inner join {{{{ source('runs', 'submission') }}}} as receipt
    on receipt.submission_id = lake_row.submission_id and receipt.batch_id = lake_row.batch_id
where
    {{{{ is_recorded('receipt.recorded_at') }}}}
    {{% if is_incremental() %}}
        and lake_row.batch_id not in (select distinct loaded.batch_id from {{{{ this }}}} as loaded)
    {{% endif %}}
"""


def collection_properties(contract: Contract) -> str:
    """Return the YAML of `col_<dataset>`: grain, level and a description of every column."""
    notes = lake_column_notes(contract)
    columns = []
    for field in contract.lake_schema():
        column: dict[str, Any] = {
            "name": field.name,
            "data_type": _duck_type(field.type),
            "description": notes[field.name][1],
        }
        # Batches are cut by the machine; pseudonyms differ between installations: digests leave both out.
        if field.name == "batch_id":
            column["config"] = {"meta": {"is_volatile": True}}
        elif field.name.endswith("_key"):
            column["config"] = {"meta": {"is_pseudonym": True}}
        columns.append(column)
    sensitive = any(field.privacy == "sensitive" for field in contract.fields)
    level = ("L4" if sensitive else "L3") if is_about_persons(contract) else "L2"
    model = {
        "name": f"col_{contract.dataset}",
        "description": f"One accepted row of a submission of {contract.dataset}. {contract.description}",
        "config": {"meta": {"level": level, "contract": [contract.dataset]}},
        "columns": columns,
    }
    head = "# Generated from the contract by `make docs`; a drift test compares.\n"
    return head + yaml.safe_dump({"version": 2, "models": [model]}, allow_unicode=True, sort_keys=False, width=120)


def _location(glob: str) -> str:
    home = "{{ env_var('EDU_HOME') }}"
    return f"read_parquet('{home}/{glob}', union_by_name = true, hive_partitioning = false)"


def _anchor(contract: Contract) -> str:
    """Return the anchor that Markdown gives the dataset's heading: letters, digits, hyphens, underscores."""
    return re.sub(r"[^\w-]", "", f"{contract.label}{contract.dataset}")


def dictionary_markdown() -> str:
    """Return the data dictionary of all datasets, in Chinese."""
    lines = ["# 数据字典：报送数据集", "", "由合同文件生成（`make docs`），与系统实际使用的规则一致。", ""]
    lines += ["| 数据集 | 代码 | 报送周期 | 数源单位 | 字段数 |", "|---|---|---|---|---|"]
    for contract in contracts().values():
        lines.append(
            f"| [{contract.label}](#{_anchor(contract)}) | {contract.dataset} "
            f"| {PERIOD_NAMES[contract.period_kind]} | {contract.authority.office} | {len(contract.fields)} |"
        )
    lines.append("")
    for contract in contracts().values():
        role = "主数据源" if contract.authority.role == "primary" else "参考数据源"
        lines += [
            f"## {contract.label}（{contract.dataset}）",
            "",
            f"- 数源单位：{contract.authority.office}（{role}：{contract.authority.items}）",
            f"- 保存年限：{contract.retention_years} 年",
            f"- 报送形式：{'；'.join(profile.label for profile in contract.profiles.values())}",
            "",
            "| 字段 | 名称 | 数据项 | 类型 | 单位 | 代码集 | 必填 | 级别 |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for field in contract.fields:
            lines.append(
                f"| {field.name} | {field.label} | {field.item or '—'} | {TYPE_NAMES[field.type]} | {field.unit or ''} "
                f"| {field.code_set or ''} | {'是' if field.mandatory else ''} | {level_of(contract, field)} |"
            )
        lines.append("")
    return "\n".join(lines)


def generated_files() -> dict[Path, str]:
    """Return every generated file with its text."""
    files = {SOURCES_FILE: dbt_sources(), DICTIONARY_FILE: dictionary_markdown(), PAGE_FILE: defect_page()}
    for name, contract in contracts().items():
        files[COLLECTION_DIR / f"col_{name}.sql"] = collection_model(contract)
        files[COLLECTION_DIR / f"col_{name}.yml"] = collection_properties(contract)
    return files


def main() -> None:
    """Write the generated files."""
    for path, text in generated_files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
