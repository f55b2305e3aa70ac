"""The city of known answers, end to end: what is found, what the marts say, before and after the corrections."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from governance_truth import open_truth
from tests_city import City, make_city, mart_differences, use_home

from edu.contract import contracts

CLASSES = tuple(range(1, 59))
"""The whole catalogue."""
SEED = 7
OTHER_SEEDS = (11, 23)


def test_a_clean_city_has_no_finding_and_marts_equal_the_world(clean_city: City) -> None:
    assert Counter(receipt["status"] for receipt in clean_city.receipts) == {"accepted": len(clean_city.receipts)}
    assert findings(clean_city) == Counter()
    assert mart_differences(clean_city.home.warehouse, clean_city.out / "truth" / "world") == []


def test_a_clean_city_sends_every_dataset_and_no_unit_is_held(clean_city: City) -> None:
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        sent = {row[0] for row in connection.execute("select distinct dataset from collection.submission").fetchall()}
        held = connection.execute("select dataset, unit_owner from storage.unit_current where is_held").fetchall()
        unplaced = connection.execute(
            "select dataset, period from management.\"case\" where case_kind = 'unknown_school'"
        ).fetchall()
    assert sent == set(contracts())
    assert (held, unplaced) == ([], [])


def test_every_row_of_the_world_is_in_the_warehouse(clean_city: City) -> None:
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        for facts in sorted((clean_city.out / "truth" / "facts").glob("*.parquet")):
            count = "select period, count(*) from {} group by period order by period"
            world = connection.execute(count.format(f"'{facts}'")).fetchall()
            assert connection.execute(count.format(f"collection.{facts.stem}")).fetchall() == world, facts.stem


def test_a_class_of_two_grades_is_one_class_and_agrees_with_its_register(clean_city: City) -> None:
    facts = clean_city.out / "truth" / "facts"
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        taught = connection.execute(
            f"select 'S' || k.school_code, k.period, k.class_code, k.grade_code, list(distinct p.grade_code order by p.grade_code) "
            f"from '{facts}/class.parquet' as k inner join '{facts}/student.parquet' as p "
            "on p.school_code = k.school_code and p.period = k.period and p.class_code = k.class_code "
            "where k.class_kind_code = '12' group by all order by all"
        ).fetchall()
        counted = connection.execute(
            "select school_id, school_year || '/' || term, class_code, grade_code from analysis.class_size "
            "where is_mixed_grade order by all"
        ).fetchall()
        apart = connection.execute(
            "select count(*) > 0, bool_and(is_within) from management.reconciliation where measure = 'pupils_by_grade'"
        ).fetchone()
    assert counted == [row[:4] for row in taught]
    assert ["11", "12"] in [row[4] for row in taught]
    assert apart == (True, True)


def test_forms_of_a_clean_city_agree_with_its_roll(clean_city: City) -> None:
    with duckdb.connect(str(clean_city.home.warehouse), read_only=True) as connection:
        compared = connection.execute(
            "select count(*) > 0, bool_and(is_within) from management.reconciliation where measure = 'pupils_by_grade_in_forms'"
        ).fetchone()
        figures = connection.execute(
            "select count(*) from storage.fct_base_table_figure where row_code not in ('total') and column_code = 'pupils_total' "
            "and not is_not_applicable"
        ).fetchone()
        marked = connection.execute(
            "select count(*) from management.reconciliation where other_value > 0 "
            "and measure = 'pupils_by_grade_in_forms'"
        ).fetchone()
    assert compared == (True, True)
    # Every grade with pupils was compared.
    assert figures == marked


@pytest.mark.slow
def test_a_second_run_and_another_order_give_the_same_digest(clean_city: City, tmp_path: Path) -> None:
    from warehouse.digest import digest

    before = digest(clean_city.home.warehouse)
    city = clean_city.copy(tmp_path)
    with_pseudonyms = digest(city.home.warehouse, with_pseudonyms=True)
    again = city.collect()
    assert {receipt["status"] for receipt in again} == {"ignored"}
    city.build()
    assert digest(city.home.warehouse, with_pseudonyms=True) == with_pseudonyms

    other = City(city.out, use_home(tmp_path / "other"))
    files = sorted(p for p in (city.out / "inbox").rglob("*") if p.is_file() and not p.name.endswith(".meta.json"))
    senders = sorted({sender_of(path, city.out) for path in files})
    draw = random.Random(SEED)
    draw.shuffle(files)
    # Half of the senders with all their terms: half of the files would be a city that loses half its pupils at random,
    # which the gate on its volume rightly stops.
    first = set(draw.sample(senders, len(senders) // 2))
    other.collect_files([path for path in files if sender_of(path, city.out) in first])
    other.build()
    other.collect_files([path for path in files if sender_of(path, city.out) not in first])
    other.build()
    assert digest(other.home.warehouse) == before


def sender_of(path: Path, out: Path) -> str:
    """Return the folder of the inbox that a file lies in: who sends it."""
    return path.relative_to(out / "inbox").parts[0]


def check_dirty_city(folder: Path, seed: int, defects: int = 20, terms: int = 2) -> None:
    """Every defect is found in its row for its reason and nothing else is; marts equal expected, then world."""
    city = make_city(folder, seed=seed, defects=defects, terms=terms)
    city.receipts = city.collect()
    city.build()
    ledger = city.ledger()
    assert Counter(int(row["class_no"]) for row in ledger) == dict.fromkeys(CLASSES, defects)
    assert findings(city) == injected(city)
    assert_cases_are_open(city)
    assert_units_and_figures_are_as_sent(city)
    assert_roll_numbers_are_of_one_person(city)
    assert_formulas_are_harmless_outside(city)
    assert_units_are_held(city)
    assert_old_townships_are_known(city)
    assert mart_differences(city.home.warehouse, city.out / "truth" / "expected") == []
    for receipt in city.receipts:
        assert receipt["rows_read"] == receipt["rows_accepted"] + receipt["rows_quarantined"]
    city.collect("wave2")
    city.build()
    assert mart_differences(city.home.warehouse, city.out / "truth" / "world") == []


@pytest.mark.city
def test_a_dirty_city_is_found_out_and_mended(tmp_path: Path) -> None:
    check_dirty_city(tmp_path, SEED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [SEED, *OTHER_SEEDS])
def test_fifty_of_each_class_over_three_seeds(tmp_path: Path, seed: int) -> None:
    check_dirty_city(tmp_path, seed, defects=50, terms=4)


CASE_KINDS = {
    17: "dual_enrolment",
    18: "empty_enrolment",
    19: "transfer_in_flight",
    20: "graduate_not_cleared",
    25: "school_alias",
    38: "staff_two_posts",
    51: "school_without_pupils",
}
EXACT_KINDS = (
    "dual_enrolment",
    "empty_enrolment",
    "graduate_not_cleared",
    "school_alias",
    "staff_two_posts",
)
"""Kinds that nothing but an injection makes here. A pupil may also be in flight because a row was refused, and a small
city has a school of several stages without pupils in one of them of its own."""


def query(city: City, sql: str) -> list[tuple[Any, ...]]:
    """Run SQL over the warehouse, with `landed` (file, submission_id) beside it."""
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        connection.execute("create temp table landed (file varchar, submission_id varchar)")
        connection.executemany(
            "insert into landed values (?, ?)",
            [
                (Path(str(r["file"])).relative_to(city.out / "inbox").as_posix(), r["submission_id"])
                for r in city.receipts
            ],
        )
        connection.execute(
            f"create temp table ledger as select * from read_csv('{city.out}/truth/defects.csv', header = true, "
            "types = {'row_number': 'integer', 'class_no': 'integer', 'sheet': 'varchar', 'field': 'varchar'})"
        )
        return connection.execute(sql).fetchall()


def assert_cases_are_open(city: City) -> None:
    """Each injected case is open at its school and period; of most kinds there is no other."""
    rows = []
    for dataset in ("student", "staff", "school"):
        rows += query(
            city,
            f"select l.class_no, r.school_code, r.period from ledger as l inner join landed using (file) "
            f"inner join collection.{dataset} as r on r.submission_id = landed.submission_id "
            "and r.sheet is not distinct from l.sheet and r.row_number = l.row_number "
            "where l.expected_in = 'management.case'",
        )
    wanted = Counter((CASE_KINDS[class_no], school, period) for class_no, school, period in rows)
    assert sum(wanted.values()) == sum(row["expected_in"] == "management.case" for row in city.ledger())
    found = Counter(query(city, "select case_kind, school_code, period from management.case_school"))
    assert not wanted - found
    kinds = Counter(dict(query(city, 'select case_kind, count(*) from management."case" group by 1')))
    for class_no, kind in CASE_KINDS.items():
        if kind in EXACT_KINDS:
            assert kinds[kind] == sum(int(row["class_no"]) == class_no for row in city.ledger()), kind


def assert_units_and_figures_are_as_sent(city: City) -> None:
    """Of every unit it is told whether it came and how late, and of every figure that two datasets tell, both."""
    columns = "dataset, school_code, period, due_date, status, received_at, days_late"
    pairs = "measure, period, school_id, grade_code"
    with open_truth(city.out) as truth:
        units = truth.execute(f"select {columns} from unit order by all").fetchall()
        figures = truth.execute(f"select {pairs}, counted, other from pair order by all").fetchall()
    assert query(city, f"select {columns} from management.expected_submission order by all") == units
    found = query(city, f"select {pairs}, counted_value, other_value from management.reconciliation order by all")
    assert found == figures
    late = sum(int(row["class_no"]) == 44 for row in city.ledger())
    assert sum(row[4] == "late" for row in units) == late


def assert_roll_numbers_are_of_one_person(city: City) -> None:
    """A pupil with a temporary number is the one who has the formal number in the other term."""
    rows = query(
        city,
        "with numbers as (select person_id, count(*) as n from storage.map_person where evidence_key like 'xjh:%' "
        "group by person_id) "
        "select numbers.n from ledger as l inner join landed using (file) "
        "inner join collection.student as r on r.submission_id = landed.submission_id and r.row_number = l.row_number "
        "and r.sheet is not distinct from l.sheet "
        "inner join storage.map_person as m on m.evidence_key = 'xjh:' || r.xjh_key "
        "inner join numbers on numbers.person_id = m.person_id where l.class_no = 16",
    )
    injected_rows = sum(int(row["class_no"]) == 16 for row in city.ledger())
    assert len(rows) == injected_rows
    # The other term's file may have been refused, or have lost the number to another defect.
    assert sum(numbers >= 2 for (numbers,) in rows) >= 0.75 * injected_rows


def assert_formulas_are_harmless_outside(city: City) -> None:
    """A name that opens like a formula is kept, and an export has it neutralised."""
    from warehouse.query import neutral

    names = query(city, "select campus_name from storage.fct_campus_facility where campus_name like '=%'")
    assert len(names) == sum(int(row["class_no"]) == 50 for row in city.ledger())
    assert all(str(neutral(name)).startswith("'=") for (name,) in names)


def assert_units_are_held(city: City) -> None:
    """Exactly the schools with a figure in another unit than last year's are held, and each for that."""
    held = query(
        city,
        "select distinct u.dataset, u.unit_owner, u.period, h.expectation from storage.unit_current as u "
        "left join collection.held_unit as h on h.dataset = u.dataset and h.school_code = u.unit_owner "
        "and h.period = u.period and h.submission_id = u.submission_id where u.is_held order by all",
    )
    wanted = query(
        city,
        "select 'campus_facility', r.school_code, r.period, 'figures_against_last_year' from ledger as l "
        "inner join landed using (file) inner join collection.campus_facility as r "
        "on r.submission_id = landed.submission_id and r.sheet is not distinct from l.sheet "
        "and r.row_number = l.row_number where l.expected_in = 'collection.held_unit' order by all",
    )
    assert held == wanted
    assert len(wanted) == sum(row["expected"] == "held" for row in city.ledger())


def assert_old_townships_are_known(city: City) -> None:
    """A school whose township came by the code of an older edition lies where it lay before."""
    rows = query(
        city,
        f"select count(*), count(*) filter (where d.township_code = w.township_code) from ledger as l "
        "inner join landed using (file) inner join collection.school as r on r.submission_id = landed.submission_id "
        "and r.row_number = l.row_number "
        "inner join storage.dim_school as d on d.school_code = r.school_code and d.period = r.period "
        f"inner join '{city.out}/truth/facts/school.parquet' as w on w.school_code = r.school_code "
        "and w.period = r.period where l.class_no = 27 and r.township_code <> d.township_code",
    )
    injected_rows = sum(int(row["class_no"]) == 27 for row in city.ledger())
    assert rows == [(injected_rows, injected_rows)]


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
        if row["expected_in"] == "collection.finding"
    )
