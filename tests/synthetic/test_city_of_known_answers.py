"""The synthetic city: deterministic, valid, with exactly the defects that its ledger says."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from synthetic.city import write_city
from synthetic.defects import CLASSES, CityTooSmallError
from synthetic.truth import _balanced_counties
from synthetic.world import make_terms

CHECKS = "10X98765432"
WEIGHTS = [2 ** (17 - i) % 11 for i in range(17)]


def checksum(first17: str) -> str:
    """GB 11643 by powers of two modulo 11, another way to the same digit."""
    return CHECKS[sum(int(c) * w for c, w in zip(first17, WEIGHTS, strict=True)) % 11]


def tree(folder: Path) -> dict[str, str]:
    """Hash of every file but workbooks, whose container holds its time of writing."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".xlsx"
    }


def rosters(city: Path, period: str) -> list[dict[str, str]]:
    rows = []
    for path in sorted((city / "wave2").rglob(f"student/{period}/*.csv")) + sorted(
        (city / "inbox").rglob(f"student/{period}/*.csv")
    ):
        raw = path.read_bytes()
        if raw.startswith(b"\xd0\xcf"):
            continue
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("gb18030")
        rows += list(csv.DictReader(text.splitlines()))
    return rows


def test_the_same_seed_writes_the_same_city(city: Path, tmp_path: Path) -> None:
    write_city(tmp_path, scale=0.02, terms=2, seed=3, defects=3)
    assert tree(tmp_path) == tree(city)


def test_another_seed_writes_another(city: Path, tmp_path: Path) -> None:
    write_city(tmp_path, scale=0.02, terms=1, seed=4, defects=0)
    assert tree(tmp_path / "truth") != tree(city / "truth")
    assert list(csv.DictReader((tmp_path / "truth" / "defects.csv").open())) == []


def test_the_ledger_holds_n_of_each_class(city: Path) -> None:
    ledger = list(csv.DictReader((city / "truth" / "defects.csv").open(encoding="utf-8")))
    assert Counter(int(row["class_no"]) for row in ledger) == dict.fromkeys(CLASSES, 3)
    assert all((city / "inbox" / row["file"]).exists() for row in ledger)
    placed = [(row["file"], row["sheet"], row["row_number"]) for row in ledger if row["row_number"]]
    assert len(placed) == len(set(placed)), "no row has two defects"


def test_every_changed_file_is_sent_again(city: Path) -> None:
    changed = {Path(row["file"]).parent for row in csv.DictReader((city / "truth" / "defects.csv").open())}
    again = {path.relative_to(city / "wave2").parent for path in (city / "wave2").rglob("*") if path.is_file()}
    assert again == changed


def test_pupils_have_valid_identifiers(city: Path) -> None:
    numbers = [row["身份证件号"] for row in rosters(city, "2025-2026-1") if len(row.get("身份证件号") or "") == 18]
    assert len(numbers) > 5_000
    wrong = [n for n in numbers if n[:17].isdigit() and n[17] in "0123456789X" and n[17] != checksum(n[:17])]
    assert len(wrong) <= 3, "only injected numbers are wrong"


def test_cohorts_progress(tmp_path: Path) -> None:
    write_city(tmp_path, scale=0.02, terms=3, seed=3, defects=0)
    first = {row["学籍号"]: row["年级"] for row in rosters(tmp_path, "2024-2025-1") if row["年级"].startswith("1")}
    later = {row["学籍号"]: row["年级"] for row in rosters(tmp_path, "2025-2026-1")}
    moved = Counter(int(later[key]) - int(grade) for key, grade in first.items() if key in later)
    # A pupil of 六年级 (16) goes to 七年级 (21): five on; all others one on.
    assert set(moved) == {1, 5}
    assert sum(moved.values()) > 0.9 * len(first)


def test_the_whole_city_is_there(city: Path) -> None:
    files = [str(path) for path in sorted((city / "inbox").rglob("school/2025-2026-1/*.csv"))]
    kinds = duckdb.execute(
        "select distinct 办学类型码, 行政区划码, 主管单位码 from read_csv(?, all_varchar = true, union_by_name = true, "
        "ignore_errors = true, encoding = 'utf-8') where 办学类型码 is not null",
        [[f for f in files if not Path(f).read_bytes()[3:].startswith(b"\xff") and _is_utf8(f)]],
    ).fetchall()
    assert {kind for kind, _, _ in kinds} >= {"111", "211", "218", "311", "312", "341", "342", "345", "365"}
    assert len({division for _, division, _ in kinds}) >= 7


def _is_utf8(path: str) -> bool:
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        return False
    return text.startswith("学校标识码")


def test_terms_begin_with_a_first_term() -> None:
    assert [term.period for term in make_terms(3)] == ["2024-2025/1", "2024-2025/2", "2025-2026/1"]
    assert [term.period for term in make_terms(2)] == ["2025-2026/1", "2025-2026/2"]


def test_the_truth_has_the_golden_coefficient() -> None:
    pupils, totals = (45, 37, 89, 76, 55), (279, 137, 935, 160, 402)
    schools = [("2024-2025", "421002", "S", "primary", 4, total, n) for n, total in zip(pupils, totals, strict=True)]
    [row] = _balanced_counties(schools)
    assert [round(value, 4) for value in row[4:7]] == [6.3344, 3.2639, 0.5153]


def test_a_city_whose_files_are_all_large_has_every_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the whole city, of whose pupils the national export is one file a county."""
    monkeypatch.setattr("synthetic.defects.inject.ROW_FILE_MAXIMUM", 250)
    write_city(tmp_path, scale=0.02, terms=2, seed=3, defects=3)
    with (tmp_path / "truth" / "defects.csv").open(encoding="utf-8") as lines:
        assert Counter(int(row["class_no"]) for row in csv.DictReader(lines)) == dict.fromkeys(CLASSES, 3)


def test_too_many_defects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CityTooSmallError):
        write_city(tmp_path, scale=0.02, terms=1, seed=3, defects=400)
