"""Relations between the datasets of the synthetic city, read from the facts and the files that it writes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from edu.contract import contracts

STANDARD_WEIGHTS = {
    "1-2": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 30 * sit_reach_score + 20 * rope_skipping_score",
    "3-4": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 20 * sit_reach_score "
    "+ 20 * rope_skipping_score + 10 * sit_ups_score",
    "5-6": "15 * bmi_score + 15 * vital_capacity_score + 20 * sprint_50m_score + 10 * sit_reach_score "
    "+ 10 * rope_skipping_score + 20 * sit_ups_score + 10 * shuttle_run_score",
}
"""国家学生体质健康标准 (2014), primary grades, written out by hand."""


@pytest.fixture(scope="module")
def db(city: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for file in (city / "truth" / "facts").glob("*.parquet"):
        connection.execute(f"create view {file.stem} as from '{file}'")
    return connection


def rows(db: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return db.execute(sql).fetchall()


def test_every_dataset_is_written_and_has_facts(city: Path) -> None:
    written = {path.parent.parent.name for path in (city / "inbox").rglob("*.meta.json")}
    facts = {path.stem for path in (city / "truth" / "facts").glob("*.parquet")}
    assert written == set(contracts())
    assert facts == set(contracts()) - {"learning_activity_daily"}


def test_facts_name_nobody(city: Path) -> None:
    for file in (city / "truth" / "facts").glob("*.parquet"):
        names = set(pq.read_schema(file).names)
        contract = contracts()[file.stem]
        assert not names & {field.name for field in contract.fields if field.privacy == "identifier"} - {
            "homeroom_staff_no"
        }


@pytest.mark.parametrize("dataset", ["fitness", "vision", "student_support", "assessment", "graduate_outcome"])
def test_a_learners_rows_are_of_the_school_and_grade_of_the_roll(db: duckdb.DuckDBPyConnection, dataset: str) -> None:
    found = rows(
        db,
        f"select count(*), count(s.pid) from {dataset} as f left join (select distinct pid, school_code, grade_code, "
        "left(period, 9) as school_year from student) as s on s.pid = f.pid and s.school_code = f.school_code "
        "and s.grade_code = f.grade_code and s.school_year = left(f.period, 9)",
    )[0]
    assert found[0] == found[1] > 0


@pytest.mark.parametrize("band", STANDARD_WEIGHTS)
def test_fitness_totals_are_weighted_sums_of_the_items(db: duckdb.DuckDBPyConnection, band: str) -> None:
    low, high = band.split("-")
    found = rows(
        db,
        f"select count(*), count(*) filter (where abs(({STANDARD_WEIGHTS[band]}) / 100.0 + bonus_score - reported_total) < 0.051) "
        f"from fitness where stage = 'primary' and is_exempt = '0' and right(grade_code, 1) between '{low}' and '{high}'",
    )[0]
    assert found[0] == found[1] > 100


def test_myopia_grows_with_grade_and_stays_in_bounds(db: duckdb.DuckDBPyConnection) -> None:
    shares = dict(
        rows(
            db,
            "select stage, avg((wears_ok_lens = '1' or (naked_left < 5.0 and sphere_left + cylinder_left / 2 < -0.5) "
            "or (naked_right < 5.0 and sphere_right + cylinder_right / 2 < -0.5))::int) from vision group by stage",
        )
    )
    assert shares["preschool"] < shares["primary"] < shares["junior"] < shares["senior"]
    assert 0.2 < shares["primary"] < 0.45
    assert 0.55 < shares["junior"] < 0.8


def test_enrolment_ratios_are_plausible(db: duckdb.DuckDBPyConnection) -> None:
    year = rows(db, "select max(left(period, 4)) from student")[0][0]
    people = (
        f"select sum(persons) from population where period = 'FY{year}' and population_kind_code = '2' and age between "
    )
    enrolled = f"select count(*) from student where period = '{year}-{int(year) + 1}/1' and grade_code like "
    preschool = rows(db, enrolled + "'0%'")[0][0] / float(rows(db, people + "3 and 5")[0][0])
    senior = rows(db, enrolled + "'3%'")[0][0] + rows(db, enrolled + "'4%'")[0][0]
    assert 0.85 < preschool < 0.95
    assert 0.9 < senior / float(rows(db, people + "15 and 17")[0][0]) < 1.0
    assert (
        rows(
            db,
            "select count(*) from population group by period, division_code, population_kind_code, age, sex_code having count(*) > 1",
        )
        == []
    )


def test_money_adds_up(db: duckdb.DuckDBPyConnection) -> None:
    """Income is 110 + 120 + 190, expenditure 210 + 220 + 230 + 240, and 220 is what the stages spent."""
    found = rows(
        db,
        "with item as (pivot (select school_code, period, stage_code, item_code, amount_yuan from finance "
        "where stage_code = '0') on 'i' || item_code using sum(amount_yuan) group by school_code, period), "
        "stages as (select school_code, period, sum(amount_yuan) as running from finance "
        "where stage_code <> '0' and item_code = '220' group by all) "
        "select count(*), count(*) filter (where i100 = i110 + i120 + i190 and i200 = i210 + i220 + i230 + i240 "
        "and i220 = running) from item inner join stages using (school_code, period)",
    )[0]
    assert found[0] == found[1] > 100


def test_groups_have_one_core_and_teachers_rotate_within_their_division(db: duckdb.DuckDBPyConnection) -> None:
    cores = rows(
        db,
        "select count(*) filter (where member_role_code = '1') from school_group group by group_code, period",
    )
    assert {row[0] for row in cores} == {1}
    away = rows(
        db,
        "select count(*), count(*) filter (where a.division_code = b.division_code and a.school_code <> b.school_code) "
        "from staff_rotation as r inner join (select distinct school_code, division_code from school) as a using (school_code) "
        "inner join (select distinct school_code, division_code from school) as b on b.school_code = r.to_school_code",
    )[0]
    assert away[0] == away[1] > 0


def test_inspections_are_of_private_schools_and_choices_of_senior_pupils(db: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        db,
        "select distinct sponsor_code from private_inspection inner join school using (school_code)",
    ) == [("999",)]
    assert rows(db, "select distinct left(grade_code, 1) from elective_choice") == [("3",)]
    assert rows(db, "select count(*) from elective_choice where second_subject_code = third_subject_code") == [(0,)]


def test_the_plan_leads_from_baseline_to_target(db: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        db,
        "select indicator_code, baseline_2020, target_value, target_2025 from plan_indicator "
        "where division_code = '421000' and period = (select max(period) from plan_indicator)",
    )
    assert len(found) == 9
    assert all(row[2] == row[3] for row in found)
    baseline = {row[0]: float(row[1]) for row in found}
    assert (baseline["preschool_gross_rate"], baseline["senior_gross_rate"]) == (90.0, 92.3)


def test_no_two_people_have_one_identity_number(city: Path) -> None:
    numbers: list[str] = []
    for path in (city / "inbox").rglob("lifelong_learner/*/*.csv"):
        numbers += {row["身份证件号"] for row in csv.DictReader(path.open(encoding="utf-8"))}
    assert len(numbers) == len(set(numbers)) > 100
    others = {
        row["身份证件号"]
        for kind in ("staff", "student")
        for path in (city / "inbox").rglob(f"{kind}/*/*.csv")
        if (text := text_of(path))
        for row in csv.DictReader(text.splitlines())
        if row.get("身份证件号")
    }
    assert len(others) > 10_000
    assert not others & set(numbers)


def text_of(path: Path) -> str | None:
    """Return a CSV file's text; null for a workbook under a false name."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None if raw.startswith(b"\xd0\xcf") else raw.decode("gb18030")
