"""Plain rows: the short way gives what the whole cleaning gives, for ordinary, odd and broken values alike."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rosters import pupil, write_roster

from edu.contract import contracts, get_contract
from edu.identifiers import identifier_macros
from edu.paths import Home, get_home
from edu.settings import get_settings
from ingest import plain
from ingest.landing import collect
from ingest.readers.table import quoted
from ingest.submission import Options

ODD: dict[str, tuple[str | None, ...]] = {
    "name": ("买买提·阿不都", "王 伟", "𬭎某", "李?", "", None, "无", "王伟 ", "'王伟", "欧阳娜娜", "Anna", "#REF!"),
    "sex_code": ("男", "１", "1 ", "9", "3", None, "01", "1-男"),
    "birth_date": ("2012-02-30", "20120901", "2012.9.1", "1899-01-01", "41153", " 2012-09-01", None, "2012-9-1"),
    "id_number": (
        "11010519491231002X",
        "11010519491231002x",
        "110105194912310021",
        "4.21E+17",
        None,
        "不详",
        "440524880101001",
    ),
    "xjh": ("G11010519491231002X", "g11010519491231002X", "L123", None, "无"),
    "class_code": ("0001", "无", " 01", "'01", "一班", "a" * 11, None, "01-2", "#N/A", "nan"),
    "seat_no": ("01", "1", "12345", "", "?"),
    "entry_ym": ("202209", "2022-09", "2022年9月", "202213", "189909", None),
    "household_division_code": ("421002", "421023", "４２１００２", "999999", "42100", None),
    "boarding_code": ("1", "走读", "2", "７", None),
    "status_code": ("01", "1", "在读", "99", None),
    "grade_code": ("13", "一年级", "99", None),
    "is_migrant": ("0", "1", "是", "否", "Y", None),
    "address": ("荆州市沙市区示例路1号", " 路", "=1+1", "—", "示例路(东)", "路?", None),
    "phone": ("13900000001", "0716-8888888", "139 0000", "无", None),
    "guardian_name": ("王示例", "王·示例", "锟斤拷", None),
}


def land(home_folder: Path, roster: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    """Land a roster into an installation of its own; return lake rows and findings without ids of the landing."""
    monkeypatch.setenv("EDU_HOME", str(home_folder))
    get_settings.cache_clear()
    home: Home = get_home().ensure()
    (home.vault / "platform.key").write_text("3c" * 32)
    collect([roster], home=home, options=Options(dataset="student", org="421002", period="2024-2025/1"))
    with duckdb.connect() as connection:
        lake = connection.execute(
            f"select * exclude (submission_id, batch_id, row_key), regexp_replace(row_key, 's[0-9a-f]{{31}}', '') "
            f"from read_parquet('{home.lake}/student/2024-2025-1/*.parquet') order by row_number"
        ).fetchall()
        findings = connection.execute(
            "select row_number, field, reason_code, severity, message_zh "
            f"from read_parquet('{home.runs}/finding/b*.parquet') order by all"
        ).fetchall()
    return lake, findings


@pytest.mark.parametrize("seed", [1, 2])
def test_the_short_way_equals_the_whole_cleaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    people = []
    for n in range(1, 401):
        changed = draw.sample(sorted(ODD), k=draw.choice((0, 1, 1, 2)))
        people.append(pupil(n, **{name: draw.choice(ODD[name]) for name in changed}))
    roster = write_roster(tmp_path / "roster.csv", people)
    seen: list[str] = []
    original = plain.is_plain_sql
    monkeypatch.setattr(plain, "is_plain_sql", lambda *given: seen.append(original(*given)) or seen[-1])
    short = land(tmp_path / "short", roster, monkeypatch)
    assert len(seen) == 1
    assert seen[0] != "false"
    monkeypatch.setattr(plain, "is_plain_sql", lambda *_: "false")
    whole = land(tmp_path / "whole", roster, monkeypatch)
    assert short[1] == whole[1]
    assert short[0] == whole[0]
    assert len(short[0]) > 300
    assert len(short[1]) > 100
    get_settings.cache_clear()


def test_an_ordinary_row_is_plain_and_an_odd_one_is_not() -> None:
    contract = get_contract("student")
    names = tuple(field.name for field in contract.fields)
    condition = plain.is_plain_sql(contract, names)
    with duckdb.connect() as connection:
        for macro in identifier_macros():
            connection.execute(macro)

        def is_plain(**changes: str | None) -> bool:
            row = {**dict.fromkeys(names), **pupil(1), **changes}
            values = ", ".join(f"cast(? as varchar) as {quoted(name)}" for name in names)
            found = connection.execute(
                f"select {condition} from ({plain.with_numbers(contract, f'select {values}')})", [row[n] for n in names]
            ).fetchone()
            assert found is not None
            return bool(found[0])

        assert is_plain()
        assert not is_plain(name="王伟 ")
        assert not is_plain(id_number="11010519491231002x")
        assert not is_plain(sex_code=None)
        assert is_plain(id_number=None) == (not contract.field("id_number").mandatory)


@pytest.mark.parametrize("dataset", sorted(contracts()))
def test_the_verdict_keeps_the_order_of_rows(dataset: str) -> None:
    """A join, which DuckDB makes of some conditions, hands rows on in another order than that of the file."""
    contract = contracts()[dataset]
    names = [field.name for field in contract.fields]
    columns = ", ".join(f"'x' as c{i}" for i in range(len(names)))
    with duckdb.connect() as connection:
        for macro in identifier_macros():
            connection.execute(macro)
        connection.execute(f"create table records as select 1 as row_number, {columns}")
        for profile in contract.profiles:
            select = plain.judged_sql(contract, profile, dict(enumerate(names)), "records")
            plan = connection.execute(f"explain {select}").fetchall()[0][1]
            assert "SEQ_SCAN" in plan
            assert "JOIN" not in plan
