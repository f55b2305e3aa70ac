"""Every dataset lands from every form that its contract takes: an example row in each, and no finding but the form's.

Here are tables (CSV in UTF-8 and GB18030, .xlsx, .xls, HTML named .xls, Parquet) and databases; bundles, statements and
printed forms have tests of their own.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt
import yaml
from databases import Database, postgres
from rosters import id_number

from edu.connector import get_connector
from edu.contract import Contract, FieldSpec, contracts
from edu.paths import Home
from ingest.landing import collect
from ingest.pull import pull
from ingest.receipt import Receipt
from ingest.submission import Options
from ingest.templates import example_of, title_text, write_template

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


FORMS = {"csv": ("csv", "gb18030"), "xlsx": ("xlsx", "xls", "html"), "parquet": ("parquet",)}
"""Type of file that a profile takes → the forms in which such a file comes."""
OWN_TESTS = {"bundle", "statements", "positional"}
DEPARTURES = {"gb18030": {"encoding_gb18030"}, "html": {"html_as_workbook"}}
"""What is said of a form that is no fault of its rows."""


def write(contract: Contract, profile: str, form: str, folder: Path) -> Path:
    """Write one row in one form of a profile."""
    spec = contract.profiles[profile]
    fields = contract.profile_fields(profile)
    as_label = spec.value_form == "label"
    cells = [value(contract, field, as_label=as_label) for field in fields]
    names = [contract.header(profile, field.name) for field in fields]
    above = [[title_text(contract)]] * spec.layout.title_rows
    suffix = {"gb18030": "csv", "html": "xls"}.get(form, form)
    path = folder / f"{profile}_{form}.{suffix}"
    match form:
        case "csv" | "gb18030":
            with path.open("w", encoding="utf-8" if form == "csv" else form, newline="") as stream:
                csv.writer(stream).writerows([*above, names, cells])
        case "xlsx" if profile == "template":
            # As a clerk fills it in: in the very file that he was given.
            write_template(contract.dataset, path)
            book = openpyxl.load_workbook(path)
            for column, cell in enumerate(cells, start=1):
                book.worksheets[0].cell(3, column, cell)
            book.save(path)
        case "xlsx":
            book = openpyxl.Workbook()
            for line in [*above, names, cells]:
                book.worksheets[0].append(line)
            book.save(path)
        case "xls":
            old = xlwt.Workbook()
            page = old.add_sheet("Sheet1")
            for row, line in enumerate([*above, names, cells]):
                for column, cell in enumerate(line):
                    if cell is not None:
                        page.write(row, column, cell)
            old.save(str(path))
        case "html":
            lines = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell or '')}</td>" for cell in line) + "</tr>"
                for line in [*above, names, cells]
            )
            path.write_text(f'<html><meta charset="utf-8"><table>{lines}</table></html>', encoding="utf-8")
        case "parquet":
            pq.write_table(
                pa.table({name: pa.array([cell], pa.string()) for name, cell in zip(names, cells, strict=True)}), path
            )
    return path


def forms_of(contract: Contract) -> list[tuple[str, str]]:
    """Return every (profile, form) in which the dataset comes as a table."""
    return [
        (name, form)
        for name, profile in contract.profiles.items()
        if profile.carrier == "table"
        for kind in profile.file_types
        for form in FORMS[kind]
    ]


def lake_rows(home: Home, dataset: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        duckdb.sql(f"select * from read_parquet('{home.lake}/{dataset}/**/*.parquet', union_by_name=true)")
        .to_arrow_table()
        .to_pylist()
    )
    return rows


def findings(home: Home, receipt: Receipt) -> set[str]:
    rows = duckdb.execute(
        f"select reason_code from read_parquet('{home.runs}/finding/*.parquet', union_by_name=true) where submission_id = ?",
        [receipt.submission_id],
    ).fetchall()
    return {row[0] for row in rows}


def check_equal(home: Home, contract: Contract, profiles: set[str], expected: int) -> None:
    """Compare the rows of every form: all say the same, and nothing that was written got lost on the way."""
    shared = [f for f in contract.fields if all(f in contract.profile_fields(name) for name in profiles)]
    names = [name for field in shared for name, _ in field.lake_columns()]
    rows = lake_rows(home, contract.dataset)
    assert len(rows) == expected
    first = [rows[0][name] for name in names]
    assert [name for name, cell in zip(names, first, strict=True) if cell is None] == []
    for row in rows:
        assert [row[name] for name in names] == first


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_a_dataset_lands_from_every_form(edu_home: Home, tmp_path: Path, dataset: str) -> None:
    contract = contracts()[dataset]
    assert {spec.carrier for spec in contract.profiles.values()} - {"table", "database"} <= OWN_TESTS
    forms = forms_of(contract)
    assert {"national_export", "template"} == {profile for profile, _ in forms}
    paths = {write(contract, profile, form, tmp_path).name: (profile, form) for profile, form in forms}
    as_utf8 = tmp_path / "national_export_csv.csv"
    if as_utf8.read_bytes().isascii():
        # Nothing but ASCII is the same in both encodings.
        assert paths.pop("national_export_gb18030.csv")
    options = Options(dataset=dataset, org=ORG, period=PERIODS[contract.period_kind])
    receipts = {
        Path(r.file).name: r for r in collect([tmp_path / n for n in paths], home=edu_home, options=options).receipts
    }
    assert receipts.keys() == paths.keys()
    recognised = dict(
        duckdb.execute(
            f"select submission_id, profile from read_parquet('{edu_home.runs}/submission/*.parquet')"
        ).fetchall()
    )
    for name, (profile, form) in paths.items():
        receipt = receipts[name]
        assert (receipt.status, receipt.rows_accepted, receipt.rows_incomplete) == ("accepted", 1, 0), (name, receipt)
        assert recognised[receipt.submission_id] == profile, name
        assert findings(edu_home, receipt) == DEPARTURES.get(form, set()), name
    check_equal(edu_home, contract, {profile for profile, _ in forms}, len(paths))


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    with postgres() as database:
        yield database


def column_type(field: FieldSpec) -> str:
    """Return the type that a database would give a field."""
    match field.type:
        case "date" | "timestamp":
            return {"date": "date", "timestamp": "timestamp"}[field.type]
        case "flag":
            return "boolean"
        case "integer":
            return "bigint"
        case "decimal" | "vision" | "duration":
            return f"numeric({field.precision}, {field.scale})"
    return "varchar"


@pytest.mark.parametrize("kind", sorted({contract.period_kind for contract in contracts().values()}))
def test_a_dataset_lands_from_a_database(
    edu_home: Home, server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TEST_SOURCE_DSN", server.dsn)
    wanted = [contract for contract in contracts().values() if contract.period_kind == kind]
    tables = []
    for contract in wanted:
        fields = [field for field in contract.profile_fields("database") if field.name != "sourced_id"]
        cells = [value(contract, field, as_label=False) for field in fields]
        types = ", ".join(f'"c_{field.name}" {column_type(field)}' for field in fields)
        literals = ", ".join("null" if cell is None else "'" + cell.replace("'", "''") + "'" for cell in cells)
        server.execute(f"create table t_{contract.dataset} ({types})")
        server.execute(f"insert into t_{contract.dataset} values ({literals})")
        columns = {field.name: f"c_{field.name}" for field in fields}
        tables.append({"dataset": contract.dataset, "table": f"public.t_{contract.dataset}", "columns": columns})
        path = write(contract, "national_export", "csv", tmp_path)
        options = Options(dataset=contract.dataset, org=ORG, period=PERIODS[kind])
        assert [r.status for r in collect([path], home=edu_home, options=options).receipts] == ["accepted"]
    connector = {
        "type": "postgres",
        "dsn_env": "TEST_SOURCE_DSN",
        "org": ORG,
        "period": PERIODS[kind],
        "tables": tables,
    }
    (edu_home.root / "connectors").mkdir()
    (edu_home.root / "connectors" / "every.yml").write_text(yaml.safe_dump(connector), encoding="utf-8")
    receipts = {r.dataset: r for r in pull(edu_home, get_connector(edu_home, "every")).receipts}
    for contract in wanted:
        receipt = receipts[contract.dataset]
        assert (receipt.status, receipt.rows_accepted, receipt.rows_incomplete) == ("accepted", 1, 0), receipt
        assert findings(edu_home, receipt) == set(), contract.dataset
        check_equal(edu_home, contract, {"national_export", "database"}, 2)
