"""Approval, lock, correction, trace and quality on a small city, from files to figures and back."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from tests_city import City, make_city

from edu.paths import Home

pytestmark = pytest.mark.slow
PERIOD = "2025-2026/1"


def rows(home: Home, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(sql, list(values)).fetchall()


def approve(home: Home, org: str, *, cover: bool = False) -> None:
    from warehouse.approval import approve as record

    record(home, org=org, dataset="student", period=PERIOD, actor="clerk", reason="核对", cover_missing=cover)


ENROLMENT = (
    "select school_id, grade_code, pupils, pupils_female from analysis.enrolment "
    "where snapshot_date = date '2025-09-01' order by all"
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A city with defects, collected and built; its corrected files are still outside."""
    city = make_city(tmp_path_factory.mktemp("governed"), seed=7, defects=4)
    city.receipts = city.collect()
    city.build()
    return city


def test_every_accepted_row_is_somewhere(city: City) -> None:
    lost = rows(
        city.home,
        "select count(*) from management.row_count_flow where rows_accepted <> rows_counting + rows_held + rows_waiting "
        "+ rows_withdrawn + rows_superseded + rows_repeated or rows_read <> rows_accepted + rows_quarantined",
    )
    assert lost == [(0,)]
    receipts = sum(receipt["rows_accepted"] for receipt in city.receipts)
    assert rows(city.home, "select sum(rows_accepted) from management.row_count_flow") == [(receipts,)]


def test_open_findings_are_those_of_the_ledger(city: City) -> None:
    wanted = sum(
        row["expected"] in ("accepted_incomplete", "quarantined", "rejected", "warned") for row in city.ledger()
    )
    found = rows(city.home, "select sum(findings) from management.finding_ageing where is_open")
    assert found == [(wanted,)]


@pytest.mark.parametrize(
    ("table", "measure", "dataset"),
    [
        ("analysis.enrolment", "pupils", "student"),
        ("analysis.class_size", "pupils", "student"),
        ("analysis.staffing", "full_time_teachers", "staff"),
    ],
)
def test_a_sample_of_figures_leads_to_as_many_rows(city: City, table: str, measure: str, dataset: str) -> None:
    from warehouse.trace import trace

    keys = {
        "analysis.enrolment": "school_id, snapshot_date, grade_code",
        "analysis.class_size": "school_id, snapshot_date, class_code",
        "analysis.staffing": "school_id, snapshot_date, stage",
    }[table]
    sample = rows(
        city.home,
        f"select {keys}, {measure} from {table} where {measure} > 0 order by md5(concat_ws('|', {keys})) limit 6",
    )
    assert len(sample) == 6
    for *values, figure in sample:
        where = " and ".join(f"{key} = '{value}'" for key, value in zip(keys.split(", "), values, strict=True))
        found = trace(city.home, table, where, limit=10_000)
        assert sum(row["dataset"] == dataset for row in found.rows) == figure


def test_areas_of_a_balanced_figure_lead_to_the_rows_that_give_them(city: City) -> None:
    from warehouse.trace import trace

    [(school, numerator)] = rows(
        city.home,
        "select b.school_id, b.numerator from analysis.balanced_school as b inner join storage.dim_school as s "
        "on s.school_id = b.school_id and s.school_year = b.school_year and s.term = 1 and s.only_stage = 'primary' "
        "where b.indicator_no = 6 and b.stage = 'primary' and b.numerator is not null order by b.school_id limit 1",
    )
    found = trace(city.home, "analysis.balanced_school", f"school_id = '{school}' and indicator_no = 6", limit=10_000)
    places = [row for row in found.rows if row["dataset"] == "campus_facility"]
    assert places
    values = [
        rows(
            city.home,
            "select equipment_value_yuan from collection.campus_facility where submission_id = ? "
            "and sheet is not distinct from ? and row_number = ?",
            place["submission_id"],
            place["sheet"],
            place["row_number"],
        )[0][0]
        for place in places
    ]
    years = len({item["period"] for item in found.submissions if item["dataset"] == "campus_facility"})
    assert years >= 1
    assert numerator in values or sum(values) == numerator


def test_a_locked_period_keeps_its_figures_until_a_change_is_approved(city: City) -> None:
    from warehouse.correction import decide, waiting

    home = city.home
    counties = [
        row[0] for row in rows(home, "select distinct org from management.approval_status where org_level = 'county'")
    ]
    one = rows(home, "select min(unit_owner) from storage.unit_org where county_org = ?", counties[0])[0][0]
    approve(home, one)
    for county in counties:
        approve(home, county, cover=True)
    city.build()
    statuses = dict(
        rows(
            home,
            "select data_status, count(*) from storage.unit_status where dataset = 'student' and period = ? group by 1",
            PERIOD,
        )
    )
    assert set(statuses) == {"county_approved", "provisional"}
    approve(home, "421000", cover=True)
    before = rows(home, ENROLMENT)
    city.collect("wave2")
    city.build()
    assert rows(home, ENROLMENT) == before
    states = rows(home, "select distinct data_status from analysis.enrolment where snapshot_date = date '2025-09-01'")
    assert states == [("official",)]
    changes = [change for change in waiting(home) if change.is_change and change.period == PERIOD]
    assert changes
    chosen = min({change.submission_id for change in changes})
    decide(home, chosen, decision="approved", actor="bureau", reason="已核实")
    city.build()
    left = {change.submission_id for change in waiting(home)}
    assert chosen not in left
    assert {change.submission_id for change in changes} - {chosen} <= left
    after = {change.unit_owner: change.after["rows_active"] for change in changes if change.submission_id == chosen}
    for owner, pupils in after.items():
        found = rows(
            home,
            "select count(*) from storage.fct_enrolment_snapshot as f inner join storage.dim_school as s "
            "on s.school_id = f.school_id and s.period = f.period where s.school_code = ? and f.period = ? and f.is_enrolled",
            owner,
            PERIOD,
        )
        assert found == [(int(pupils),)]
    decided = rows(home, "select correction_status, reason from management.correction where submission_id = ?", chosen)
    assert set(decided) == {("approved", "已核实")}
