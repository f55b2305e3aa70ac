"""Every dataset lands in both its forms: an example row in a filled template and in a national export, no finding."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from rosters import id_number

from edu.contract import Contract, FieldSpec, contracts
from edu.paths import Home
from ingest.landing import collect
from ingest.submission import Options
from ingest.templates import example_of, write_template

PERIODS = {"term": "2024-2025/1", "school_year": "2024-2025", "fiscal_year": "FY2024", "date": "2024-09-01"}
ORG = "421002"
EARLIEST = date(1990, 1, 1)


def birth_of(contract: Contract) -> str:
    dates = [field.example or "1980-06-01" for field in contract.fields if field.name == "birth_date"]
    return "2012-09-05" if contract.dataset == "student" else (dates or ["2012-09-05"])[0]


def value(contract: Contract, field: FieldSpec, *, as_label: bool) -> str | None:
    birth = birth_of(contract)
    number = id_number(7, birth.replace("-", ""))
    match field.name:
        case "name":
            return "王小明"
        case "birth_date":
            return birth
        case "id_type_code":
            return "居民身份证" if as_label else "1"
        case "id_number":
            return number
        case "xjh":
            return "G" + number
        case "grade_code" if contract.dataset == "student":
            return "六年级" if as_label else "16"
        case "class_name":
            return "2024级2班"
    return "A0001" if field.type == "identifier" else example_of(field, as_label=as_label)


def write_files(contract: Contract, folder: Path) -> list[Path]:
    """Write one row in the template and one in the national export's first form."""
    book_path = folder / f"{contract.dataset}.xlsx"
    write_template(contract.dataset, book_path)
    book = openpyxl.load_workbook(book_path)
    page = book.worksheets[0]
    for column, field in enumerate(contract.profile_fields("template"), start=1):
        page.cell(3, column, value(contract, field, as_label=True))
    book.save(book_path)
    csv_path = folder / f"{contract.dataset}.csv"
    fields = contract.profile_fields("national_export")
    with csv_path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([contract.header("national_export", field.name) for field in fields])
        writer.writerow([value(contract, field, as_label=False) for field in fields])
    return [book_path, csv_path]


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_a_dataset_lands_in_both_forms(edu_home: Home, tmp_path: Path, dataset: str) -> None:
    contract = contracts()[dataset]
    folder = tmp_path / "files"
    folder.mkdir()
    options = Options(dataset=dataset, org=ORG, period=PERIODS[contract.period_kind])
    receipts = collect(write_files(contract, folder), home=edu_home, options=options).receipts
    assert [(r.status, r.rows_accepted, r.rows_incomplete) for r in receipts] == [("accepted", 1, 0)] * 2
    profiles = duckdb.execute(f"select profile from read_parquet('{edu_home.runs}/submission/*.parquet')").fetchall()
    assert sorted(profiles) == [("national_export",), ("template",)]
    findings = duckdb.execute(
        f"select field, reason_code from read_parquet('{edu_home.runs}/finding/*.parquet', union_by_name=true)"
    ).fetchall()
    assert findings == []
    lake: list[dict[str, Any]] = (
        duckdb.sql(f"select * from read_parquet('{edu_home.lake}/{dataset}/**/*.parquet', union_by_name=true)")
        .to_arrow_table()
        .to_pylist()
    )
    both = set(contract.profile_fields("template")) & set(contract.profile_fields("national_export"))
    names = [name for field in contract.fields if field in both for name, _ in field.lake_columns()]
    assert len(lake) == 2
    # Both forms say the same, and nothing that was written got lost on the way.
    assert [lake[0][name] for name in names] == [lake[1][name] for name in names]
    assert [name for name in names if lake[0][name] is None] == []
