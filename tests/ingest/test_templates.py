"""A blank template, filled by hand, is read back without a finding."""

from __future__ import annotations

from pathlib import Path

import duckdb
import openpyxl
import pytest
from test_readers import body, load

from edu.contract import contracts, get_contract
from edu.errors import RejectedFileError
from edu.paths import Home
from ingest.inbox import discover
from ingest.landing import collect
from ingest.readers import read
from ingest.submission import Options
from ingest.templates import write_template


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_a_blank_template_has_the_header_and_no_row(tmp_path: Path, dataset: str) -> None:
    path = tmp_path / f"{dataset}.xlsx"
    write_template(dataset, path)
    with duckdb.connect() as connection:
        result = read(discover(path)[0], get_contract(dataset), None, connection, tmp_path, "raw")
        rows = connection.execute(result.tables[0].relation).fetchall()
    assert (result.profile, result.notes, rows) == ("template", (), [])
    assert len(result.tables[0].fields) == len(get_contract(dataset).profile_fields("template"))


def test_a_filled_template_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "student.xlsx"
    write_template("student", path)
    book = openpyxl.load_workbook(path)
    page = book["学生信息"]
    page.append(body())
    assert len(page.data_validations.dataValidation) == sum(
        spec.type in ("code", "flag") for spec in get_contract("student").fields
    )
    book.save(path)
    result, rows = load(path, tmp_path)
    assert (result.notes, rows[0][0]) == ((), 3)


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_a_row_of_the_examples_lacks_only_who_it_is(edu_home: Home, tmp_path: Path, dataset: str) -> None:
    contract = get_contract(dataset)
    path = tmp_path / f"{dataset}.xlsx"
    write_template(dataset, path)
    book = openpyxl.load_workbook(path)
    notes = book["填表说明"]
    book.worksheets[0].append([notes.cell(row, 6).value for row in range(4, notes.max_row + 1)])
    book.save(path)
    periods = {"term": "2024-2025/1", "fiscal_year": "FY2024"}
    options = Options(dataset=dataset, org="421002", period=periods.get(contract.period_kind, "2024-2025"))
    [receipt] = collect([path], home=edu_home, options=options).receipts
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_quarantined) == (1, 1, 0)
    found = duckdb.execute(
        "select field, reason_code from read_parquet(?, union_by_name = true) where severity <> 'warn' order by all",
        [f"{edu_home.runs}/finding/*.parquet"],
    ).fetchall()
    persons = [
        spec.name
        for spec in contract.profile_fields("template")
        if spec.name in contract.profiles["template"].mandatory
    ]
    persons = [name for name in persons if contract.field(name).type in ("identifier", "private")]
    assert set(found) <= {(name, "value_missing") for name in persons}


def test_the_wrong_dataset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "class.xlsx"
    write_template("class", path)
    with pytest.raises(RejectedFileError):
        load(path, tmp_path)
