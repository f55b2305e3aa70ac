"""The city of known answers, end to end: what is found, what the marts say, before and after the corrections."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from tests_city import City, make_city, mart_differences, use_home

from edu.contract import contracts

CLASSES = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 26, 28, 29, 30, 31, 32, 35, 36, 39),
    *(40, 41, 42, 43, 45, 48, 52),
)
SEED = 7
OTHER_SEEDS = (11, 23)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A city without an injected defect, collected and built."""
    city = make_city(tmp_path_factory.mktemp("clean"), seed=SEED, defects=0)
    city.receipts = city.collect()
    city.build()
    return city


def test_a_clean_city_has_no_finding_and_marts_equal_the_world(clean: City) -> None:
    assert Counter(receipt["status"] for receipt in clean.receipts) == {"accepted": len(clean.receipts)}
    assert findings(clean) == Counter()
    assert mart_differences(clean.home.warehouse, clean.out / "truth" / "world") == []


def test_a_clean_city_sends_every_dataset_and_no_unit_is_held(clean: City) -> None:
    with duckdb.connect(str(clean.home.warehouse), read_only=True) as connection:
        sent = {row[0] for row in connection.execute("select distinct dataset from collection.submission").fetchall()}
        held = connection.execute("select dataset, unit_owner from storage.unit_current where is_held").fetchall()
        unplaced = connection.execute(
            "select dataset, period from management.\"case\" where case_kind = 'unknown_school'"
        ).fetchall()
    assert sent == set(contracts())
    assert (held, unplaced) == ([], [])


def test_every_row_of_the_world_is_in_the_warehouse(clean: City) -> None:
    with duckdb.connect(str(clean.home.warehouse), read_only=True) as connection:
        for facts in sorted((clean.out / "truth" / "facts").glob("*.parquet")):
            count = "select period, count(*) from {} group by period order by period"
            world = connection.execute(count.format(f"'{facts}'")).fetchall()
            assert connection.execute(count.format(f"collection.{facts.stem}")).fetchall() == world, facts.stem


def test_a_second_run_and_another_order_give_the_same_digest(clean: City, tmp_path: Path) -> None:
    from warehouse.digest import digest

    before = digest(clean.home.warehouse, with_pseudonyms=True)
    again = clean.collect()
    assert {receipt["status"] for receipt in again} == {"ignored"}
    clean.build()
    assert digest(clean.home.warehouse, with_pseudonyms=True) == before

    other = City(clean.out, use_home(tmp_path / "other"))
    try:
        files = sorted(p for p in (clean.out / "inbox").rglob("*") if p.is_file() and not p.name.endswith(".meta.json"))
        random.Random(SEED).shuffle(files)
        half = len(files) // 2
        other.collect_files(files[half:])
        other.build()
        other.collect_files(files[:half])
        other.build()
        assert digest(other.home.warehouse) == digest(clean.home.warehouse)
    finally:
        use_home(clean.home.root)


def check_dirty_city(folder: Path, seed: int) -> None:
    """Every defect is found in its row for its reason and nothing else is; marts equal expected, then world."""
    city = make_city(folder, seed=seed, defects=20)
    city.receipts = city.collect()
    city.build()
    ledger = city.ledger()
    assert Counter(int(row["class_no"]) for row in ledger) == dict.fromkeys(CLASSES, 20)
    assert findings(city) == injected(city)
    assert mart_differences(city.home.warehouse, city.out / "truth" / "expected") == []
    for receipt in city.receipts:
        assert receipt["rows_read"] == receipt["rows_accepted"] + receipt["rows_quarantined"]
    city.collect("wave2")
    city.build()
    assert mart_differences(city.home.warehouse, city.out / "truth" / "world") == []


def test_a_dirty_city_is_found_out_and_mended(tmp_path: Path) -> None:
    check_dirty_city(tmp_path, SEED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_other_seeds_are_found_out_and_mended(tmp_path: Path, seed: int) -> None:
    check_dirty_city(tmp_path, seed)


Place = tuple[str, str | None, int | None, str | None, int]


def findings(city: City) -> Counter[Place]:
    """Findings of the warehouse as (file, sheet, row, field, class), each with how often it stands there."""
    names = {
        receipt["submission_id"]: Path(str(receipt["file"])).relative_to(city.out / "inbox").as_posix()
        for receipt in city.receipts
    }
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select submission_id, sheet, row_number, field, class_no from collection.finding"
        ).fetchall()
    return Counter((names[row[0]], *row[1:]) for row in rows)


def injected(city: City) -> Counter[Place]:
    """The ledger in the same shape."""
    return Counter(
        (
            row["file"],
            row["sheet"] or None,
            int(row["row_number"]) if row["row_number"] else None,
            row["field"] or None,
            int(row["class_no"]),
        )
        for row in city.ledger()
    )
