"""A blank template, filled by hand, is read back without a finding."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from test_readers import body, load

from edu.contract import contracts, get_contract
from edu.errors import RejectedFileError
from ingest.inbox import discover
from ingest.readers import read
from ingest.templates import write_template


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_a_blank_template_has_the_header_and_no_row(tmp_path: Path, dataset: str) -> None:
    import duckdb

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


def test_the_wrong_dataset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "class.xlsx"
    write_template("class", path)
    with pytest.raises(RejectedFileError):
        load(path, tmp_path)
