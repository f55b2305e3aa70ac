"""Rolls, class lists, staff lists and a register of a second date within a term: one date counts, the rest is on record.

The figures are those that the synthetic city knows of itself, to which the second dates add nothing.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests_city import City, mart_differences

from ingest.withdrawal import withdraw

pytestmark = pytest.mark.slow
TERM, YEAR = "2025-2026/2", "2025-2026"
OWN = {"student": TERM, "staff": TERM, "class": TERM, "campus_facility": YEAR}
"""What a school sends itself that speaks of a date, and the period that it sends a second time."""
LATER = timedelta(days=14)


@dataclass(frozen=True)
class Again:
    """A file that was sent once more, of a later date."""

    dataset: str
    org: str
    period: str
    path: Path
    first_id: str
    second_date: date


def send_again(city: City, folder: Path, org: str, dataset: str, period: str) -> Again:
    """Copy a file of the city's inbox to `folder` as one of a later date; return it with its first receipt's id."""
    [meta] = (city.out / "inbox" / org / dataset / period.replace("/", "-")).glob("*.meta.json")
    told = json.loads(meta.read_text(encoding="utf-8"))
    second = date.fromisoformat(told["snapshot_date"]) + LATER
    received_at = datetime.fromisoformat(told["received_at"]) + LATER
    place = folder / org / dataset / period.replace("/", "-")
    place.mkdir(parents=True)
    file = shutil.copy(meta.with_name(meta.name.removesuffix(".meta.json")), place)
    changed = {**told, "snapshot_date": second.isoformat(), "received_at": received_at.isoformat()}
    (place / meta.name).write_text(json.dumps(changed), encoding="utf-8")
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        [(first_id,)] = connection.execute(
            "select submission_id from collection.submission where dataset = ? and submitter_org = ? and period = ? "
            "and received_at = ?",
            [dataset, org, period, told["received_at"]],
        ).fetchall()
    return Again(dataset, org, period, Path(file), first_id, second)


def check(city: City, folder: Path) -> None:
    """Send second dates, take one first date back, build, and compare with what the city knows of itself."""
    senders = [
        place.name
        for place in sorted((city.out / "inbox").iterdir())
        if all((place / name / period.replace("/", "-")).is_dir() for name, period in OWN.items())
    ]
    school, other = [name for name in senders if len(name) == 10][:2]
    county = next(name for name in senders if len(name) == 6 and (city.out / "inbox" / name / "school").is_dir())
    files = [send_again(city, folder, school, name, period) for name, period in OWN.items()]
    files.append(send_again(city, folder, county, "school", TERM))
    back = send_again(city, folder, other, "campus_facility", YEAR)

    receipts = {(found["dataset"], found["org"]): found for found in city.collect_files([folder])}
    assert {found["status"] for found in receipts.values()} == {"accepted"}
    assert len(receipts) == len(files) + 1
    withdraw(city.home, back.first_id, by="steward", reason="of the wrong day")
    city.build()

    assert mart_differences(city.home.warehouse, city.out / "truth" / "world") == []
    with duckdb.connect(str(city.home.warehouse), read_only=True) as connection:
        for file in files:
            receipt = receipts[file.dataset, file.org]
            lineage = "select state, superseded_by from management.submission_lineage where submission_id = ?"
            assert connection.execute(lineage, [receipt["submission_id"]]).fetchall() == [("superseded", file.first_id)]
            assert connection.execute(lineage, [file.first_id]).fetchall() == [("current", None)]
            assert connection.execute(
                "select rows_accepted, rows_superseded, rows_counting from management.row_count_flow "
                "where submission_id = ?",
                [receipt["submission_id"]],
            ).fetchall() == [(receipt["rows_accepted"], receipt["rows_accepted"], 0)]
            [(cases, dates)] = connection.execute(
                "select count(distinct c.case_id), count(distinct u.unit_owner) from collection.unit as u "
                "left join management.case_school as c on c.case_kind = 'snapshot_off_calendar' "
                "and c.dataset = u.dataset and c.school_code = u.unit_owner and c.period = u.period "
                "where u.submission_id = ?",
                [receipt["submission_id"]],
            ).fetchall()
            assert cases == dates > 0
            assert connection.execute(
                "select count(*) from management.expected_submission as e inner join collection.submission as s "
                "on s.submission_id = ? where e.dataset = s.dataset and e.period = s.period and e.school_code = ? "
                "and e.received_at = s.received_at and e.status in ('received', 'late')",
                [file.first_id, school if file.org == school else ""],
            ).fetchall() == [(1 if file.org == school else 0,)]
        assert connection.execute(
            "select distinct snapshot_date from storage.fct_campus_facility as f inner join storage.map_school_code as s "
            "on s.school_id = f.school_id where s.school_code = ? and f.school_year = ?",
            [other, YEAR],
        ).fetchall() == [(back.second_date,)]


def test_second_dates_add_nothing_and_come_back_when_the_first_is_taken_back(clean_city: City, tmp_path: Path) -> None:
    check(clean_city.copy(tmp_path), tmp_path / "again")
