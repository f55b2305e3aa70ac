"""Temporary and final roll numbers of one child: evidence only where name, birth and guardian agree, and nothing else leaves."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest
from rosters import id_number, pupil, write_roster

from edu.paths import Home
from edu.pseudonym import load_key, pseudonyms
from ingest import linking
from ingest.landing import collect
from ingest.submission import Options

G_NUMBER = "G" + id_number(1)
L_NUMBER = "L" + id_number(903)


def land(home: Home, folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    path = write_roster(folder / f"{name}.csv", rows)
    collect([path], home=home, options=Options(dataset="student", org="421002", period="2024-2025/1"))


def evidence(home: Home) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        "select left_key, right_key, is_name_equal, is_birth_date_equal, is_guardian_equal "
        f"from read_parquet('{home.runs}/link_evidence/*.parquet') order by all"
    ).fetchall()


def keys_of(home: Home, *numbers: str) -> list[str]:
    return [str(key) for key in pseudonyms(load_key(home), "xjh", list(numbers)).to_pylist()]


TEMPORARY: dict[str, Any] = {"xjh": L_NUMBER, "id_number": "", "seat_no": "31"}
CASES: dict[str, tuple[dict[str, Any], list[bool]]] = {
    "all agree": ({}, [True]),
    "the name is spelt with a space": ({"name": "王 小明"}, [True]),
    "another name": ({"name": "王小红"}, []),
    "another day of birth": ({"birth_date": "20120906"}, []),
    "another guardian": ({"guardian_name": "王二明"}, [False]),
    "another telephone": ({"guardian_phone": "13900000002"}, [False]),
    "no guardian": ({"guardian_name": "", "guardian_phone": ""}, [False]),
    "two final numbers are no pair": ({"xjh": "G" + id_number(903)}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pair_is_recorded_where_the_child_agrees(edu_home: Home, tmp_path: Path, case: str) -> None:
    change, guardians = CASES[case]
    land(edu_home, tmp_path, "early", [pupil(1, **{**TEMPORARY, **change})])
    land(edu_home, tmp_path, "late", [pupil(1)])
    left, right = keys_of(edu_home, L_NUMBER, G_NUMBER)
    assert evidence(edu_home) == [(left, right, True, True, agrees) for agrees in guardians]


def test_order_and_repetition_change_nothing(edu_home: Home, tmp_path: Path) -> None:
    files = [
        ("early", [pupil(1, **TEMPORARY)]),
        ("late", [pupil(1)]),
        ("others", [pupil(5, name="赵一"), pupil(7, name="钱二")]),
    ]
    random.Random(3).shuffle(files)
    for name, rows in [*files, *files]:
        land(edu_home, tmp_path, name, rows)
    assert len(evidence(edu_home)) == 1


def test_a_landing_killed_before_it_compares_compares_when_its_file_comes_again(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(edu_home, tmp_path, "early", [pupil(1, **TEMPORARY)])
    with monkeypatch.context() as patched:
        patched.setattr(linking, "record_links", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            land(edu_home, tmp_path, "late", [pupil(1)])
    assert evidence(edu_home) == []
    land(edu_home, tmp_path, "late", [pupil(1)])
    assert len(evidence(edu_home)) == 1


def test_what_is_beside_the_vault_is_closed_and_shows_nobody(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, tmp_path, "early", [pupil(1, **TEMPORARY), pupil(1)])
    files = list((edu_home.vault / "match").glob("*.parquet"))
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o777 == 0o600
    with pytest.raises(duckdb.Error):
        duckdb.execute(f"select * from read_parquet('{files[0]}')")
    record = next((edu_home.runs / "link_evidence").glob("e*.parquet")).read_bytes()
    for text in ("王小明", "王大明", "13900000001", G_NUMBER, L_NUMBER):
        assert text.encode() not in record
        assert text.encode() not in files[0].read_bytes()


def test_a_placeholder_for_many_persons_is_nobody(edu_home: Home, tmp_path: Path) -> None:
    """Eleven temporary and ten final numbers of one name and day are 110 pairs, which say nothing of any of them."""
    nobody: dict[str, Any] = {"name": "学生", "birth_date": "20120905"}
    temporary = [pupil(n, **nobody, **{**TEMPORARY, "xjh": f"L{id_number(n)}"}) for n in range(100, 111)]
    final = [pupil(n, **nobody) for n in range(200, 210)]
    land(edu_home, tmp_path, "early", [pupil(1, **TEMPORARY), *temporary])
    land(edu_home, tmp_path, "late", [pupil(1), *final])
    left, right = keys_of(edu_home, L_NUMBER, G_NUMBER)
    assert evidence(edu_home) == [(left, right, True, True, True)]
