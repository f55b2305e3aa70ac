"""What is wrong in a county's file is charged to the school whose rows it is in, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from cases_home import FIRST, SECOND, ask, land, pupil, school

from edu.paths import Home, get_home
from edu.settings import get_settings
from ingest.replay import verify
from warehouse import transform
from warehouse.status import status

COUNTY, CITY = "421002", "421000"
SCORES = "select submitter_org, completeness, correctness, findings, open_findings from query.quality where dataset = 'student' order by 1"


def build(home: Home) -> None:
    transform.run_seeds(home, home.warehouse)
    transform._invoke(home, home.warehouse, "all", ["run", "--full-refresh", "--select", "+qry_quality"], None)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A county's roll of two schools; of the second's four pupils one entered too early and one has no sex."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("charged")
    patch.setenv("EDU_HOME", str(folder / "home"))
    get_settings.cache_clear()
    home = get_home().ensure()
    register = [school(FIRST, "甲中学"), school(SECOND, "乙中学")]
    land(home, folder, "school", register, received_at="2024-09-10T08:00:00", org=COUNTY)
    roll = [pupil(FIRST, serial) for serial in (1, 2)]
    changes = ({}, {"entry_ym": "202109"}, {"sex_code": ""}, {})
    roll += [pupil(SECOND, serial, **change) for serial, change in enumerate(changes, start=3)]
    land(home, folder, "student", roll, received_at="2024-09-10T09:00:00", org=COUNTY)
    build(home)
    yield home
    patch.undo()
    get_settings.cache_clear()


def test_only_the_school_with_bad_rows_is_charged(home: Home) -> None:
    found = ask(
        home.warehouse,
        "select school_code, row_number, reason_code from collection.finding where dataset = 'student' order by all",
    )
    assert found == [(SECOND, 5, "grade_entry_mismatch"), (SECOND, 6, "value_missing")]
    # Completeness is the mean of delivered (100), rows placed (100) and values present.
    assert ask(home.warehouse, SCORES) == [
        (FIRST, 100, 100, 0, 0),
        (SECOND, Decimal("91.67"), 75, 2, 2),
        (CITY, Decimal("94.44"), Decimal("83.33"), 0, 0),
        (COUNTY, Decimal("94.44"), Decimal("83.33"), 0, 0),
    ]
    assert ask(home.warehouse, "select sum(findings) from management.finding_ageing where is_open") == [(2,)]


def test_findings_recorded_before_they_said_a_school_are_the_senders(home: Home) -> None:
    folder = home.runs / "finding"
    for path in folder.glob("b*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["school_code"]), path)
    build(home)
    assert ask(home.warehouse, SCORES) == [
        (FIRST, 100, None, 0, 0),
        (SECOND, 100, None, 0, 0),
        (CITY, Decimal("94.44"), Decimal("83.33"), 0, 0),
        (COUNTY, Decimal("94.44"), Decimal("83.33"), 2, 2),
    ]
    # A column that the record is older than makes no difference between it and its replay.
    assert verify(home).differing == []
    assert {row["reason_code"]: row["findings"] for row in status(home)["findings"]} == {
        "grade_entry_mismatch": 1,
        "value_missing": 1,
    }
