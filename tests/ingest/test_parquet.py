"""Parquet as other systems write it: folders with escapes, bytes for texts, moments with a zone, identifiers with a type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from rosters import SCHOOL, header, pupil

from edu.contract import get_contract
from edu.paths import Home
from ingest.landing import collect
from ingest.submission import Options
from ingest.templates import example_of

STUDENT = Options(dataset="student", org="421002", period="2024-2025/1")
NAMES = [spec.name for spec in get_contract("student").profile_fields("national_export")]


def title(name: str) -> str:
    return header()[NAMES.index(name)]


def pupils(serials: list[int], **sql: str) -> str:
    """Return a SELECT of pupils under the headers of the national export; `sql` says fields as expressions."""
    rows = [pupil(serial) for serial in serials]
    return " union all ".join(
        "select " + ", ".join(f'{sql.get(name, repr(row[name] or ""))} as "{title(name)}"' for name in NAMES)
        for row in rows
    )


def landed(home: Home, path: Path, columns: str, options: Options = STUDENT) -> tuple[Any, list[Any], list[Any]]:
    """Return receipt, rows of the lake, and reason codes of what a row lacks."""
    [receipt] = collect([path], home=home, options=options).receipts
    rows = duckdb.execute(
        f"select {columns} from read_parquet('{home.lake}/{options.dataset}/*/b*.parquet') order by all"
    ).fetchall()
    lacking = duckdb.execute(
        f"select field, reason_code from read_parquet('{home.runs}/finding/*.parquet') where severity = 'incomplete'"
    ).fetchall()
    return receipt, rows, lacking


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("class_code", "%E7%8F%AD%E5%8F%B7=1601", "1601"),  # 班号
        ("ethnicity_code", "民族=%E6%B1%89%E6%97%8F", "01"),  # 汉族
        ("school_code", f"school_code={SCHOOL}", SCHOOL),
        ("sex_code", "sex_code=__HIVE_DEFAULT_PARTITION__", None),
    ],
)
def test_folders_of_partitions_lose_no_value_to_an_escape(
    edu_home: Home, tmp_path: Path, name: str, folder: str, expected: str | None
) -> None:
    part = tmp_path / "parts" / folder / "0.parquet"
    part.parent.mkdir(parents=True)
    duckdb.execute(f"copy (select * exclude (\"{title(name)}\") from ({pupils([1, 3])})) to '{part}' (format parquet)")
    receipt, rows, lacking = landed(edu_home, tmp_path / "parts", name)
    assert (receipt.rows_accepted, rows) == (2, [(expected,), (expected,)])
    assert lacking == ([] if expected else [(name, "value_missing")] * 2)


@pytest.mark.parametrize("field", ["class_code", "ethnicity_code"])
def test_partitions_that_duckdb_writes_are_read_as_they_were(edu_home: Home, tmp_path: Path, field: str) -> None:
    duckdb.execute(
        f"copy ({pupils([1, 3])}) to '{tmp_path / 'parts'}' (format parquet, partition_by (\"{title(field)}\"))"
    )
    receipt, rows, _ = landed(edu_home, tmp_path / "parts", field)
    assert (receipt.rows_accepted, rows) == (2, [(pupil(1)[field],), (pupil(3)[field],)])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("timestamptz '2012-08-31 16:00:00+00'", "2012-09-01"),
        ("timestamptz '2012-09-01 00:00:00+08'", "2012-09-01"),
        ("timestamptz '1988-06-30 15:00:00+00'", "1988-07-01"),  # summer time: nine hours east
    ],
)
def test_a_moment_is_a_day_here(edu_home: Home, tmp_path: Path, moment: str, expected: str) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(f"copy ({pupils([1], birth_date=moment)}) to '{path}' (format parquet)")
    _, rows, lacking = landed(edu_home, path, "cast(birth_date as varchar)")
    assert (rows, lacking) == ([(expected,)], [])


def test_bytes_that_are_a_text_are_read(edu_home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    sql = {"name": "encode('赵小一')", "class_code": "encode('1601')", "ethnicity_code": "'\\xFF\\xFE'::blob"}
    duckdb.execute(f"copy ({pupils([1], **sql)}) to '{path}' (format parquet)")
    receipt, rows, lacking = landed(edu_home, path, "class_code, ethnicity_code")
    assert (receipt.rows_accepted, rows, lacking) == (1, [("1601", None)], [("ethnicity_code", "code_unknown")])


def test_a_statement_with_typed_columns_is_accepted(edu_home: Home, tmp_path: Path) -> None:
    contract = get_contract("learning_event")
    identity = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"
    typed = {"statement_id": f"uuid '{identity}'", "occurred_at": "timestamptz '2024-09-02 02:15:00.25+00'"}
    columns = ", ".join(
        f'{typed.get(spec.name, repr(example_of(spec, as_label=False)))} as "{contract.header("national_export", spec.name)}"'
        for spec in contract.profile_fields("national_export")
    )
    path = tmp_path / "a.parquet"
    duckdb.execute(f"copy (select {columns}) to '{path}' (format parquet)")
    options = Options(dataset="learning_event", org="421002", period="2024-2025")
    receipt, rows, lacking = landed(edu_home, path, "statement_id, cast(occurred_at as varchar)", options)
    assert (receipt.status, rows, lacking) == ("accepted", [(identity, "2024-09-02 10:15:00.25")], [])


def test_a_character_of_number_zero_is_shown_as_lost(edu_home: Home, tmp_path: Path) -> None:
    """PostgreSQL, which the tables are served from, takes none in a text."""
    path = tmp_path / "roster.parquet"
    names = {name: "'16' || chr(0) || '01'" for name in ("class_code", "name")}
    duckdb.execute(f"copy ({pupils([1], **names)}) to '{path}' (format parquet)")
    receipt, rows, lacking = landed(edu_home, path, "class_code")
    assert (receipt.status, rows) == ("accepted", [("16\ufffd01",)])
    assert lacking == [("name", "name_mojibake")]
