"""Empty files of run records: there, of the right columns, and made again where they are broken."""

from __future__ import annotations

import duckdb
import pytest

from edu.paths import Home
from edu.runs import RUN_SCHEMAS, ensure_empty


@pytest.mark.parametrize("left", [0, 4, 20, -1])
def test_a_cut_empty_file_is_written_again(edu_home: Home, left: int) -> None:
    ensure_empty(edu_home)
    broken = [edu_home.runs / "submission" / "_empty.parquet", edu_home.lake / "student" / "_empty" / "_empty.parquet"]
    whole = [path.read_bytes() for path in broken]
    for path, content in zip(broken, whole, strict=True):
        path.write_bytes(content[:left])
    ensure_empty(edu_home)
    assert [path.read_bytes() for path in broken] == whole
    names = [row[0] for row in duckdb.sql(f"describe from read_parquet('{broken[0]}')").fetchall()]
    assert names == RUN_SCHEMAS["submission"].names


def test_a_text_in_its_place_is_no_empty_file(edu_home: Home) -> None:
    ensure_empty(edu_home)
    path = edu_home.runs / "finding" / "_empty.parquet"
    path.write_text("no Parquet, but longer than its two marks", encoding="utf-8")
    ensure_empty(edu_home)
    assert duckdb.sql(f"select count(*) from read_parquet('{path}')").fetchall() == [(0,)]
