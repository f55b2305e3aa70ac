"""A county's OneRoster bundle taken in by another installation, built there and written again: the same structure."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from tests_city import City, use_home

from edu.paths import Home
from edu.pseudonym import key_path, load_key
from edu.settings import get_settings
from edu.sharing_domain import domain_ids
from ingest.landing import collect
from ingest.submission import Options
from warehouse.sharing.oneroster import write_oneroster

pytestmark = pytest.mark.city
COUNTY, PERIOD, DOMAIN = "421002", "2024-2025/1", "lms"
STRUCTURE = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "enrollments", "demographics")
CLOCKED = {"dateLastModified"}


def bundle(home: Home, out: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Write the county's bundle; return its rows by file and sourcedId."""
    folder = write_oneroster(home, COUNTY, PERIOD, DOMAIN, out, has_demographics=True)
    tables = {}
    for name in STRUCTURE:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        tables[name] = {row["sourcedId"]: row for row in rows}
        assert len(tables[name]) == len(rows), name
    return tables


@pytest.fixture
def other(clean_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    """Give an empty installation with the key of the city's."""
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0")
    before = load_key(clean_city.home)
    home = use_home(tmp_path / "other")
    key_path(home).write_bytes(key_path(clean_city.home).read_bytes())
    key_path(home).chmod(0o600)
    assert load_key(home) == before
    return City(tmp_path, home)


def expected_homerooms(home: Home) -> set[tuple[str, str]]:
    """Return class and teacher as the facts of the rosters say them: the staff number that the class names."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        pairs = connection.execute(
            """
            select s.school_id || '-' || k.class_code, 'gh@school:' || k.homeroom_staff_no_key
            from collection.class as k
            inner join storage.dim_school as s on s.school_code = k.school_code and s.period = k.period
            where k.period = ? and s.managing_org = ? and exists (
                select 1 from storage.fct_staff_snapshot as m where m.period = k.period
                and m.school_id = s.school_id and m.is_in_service
                and m.row_key like '%gh@school:' || k.homeroom_staff_no_key
            )
            """,
            [PERIOD, COUNTY],
        ).fetchall()
        persons = dict(connection.execute("select evidence_key, person_id from storage.map_person").fetchall())
    ids = domain_ids(load_key(home), DOMAIN, [persons[teacher] for _, teacher in pairs])
    return {(class_id, identity) for (class_id, _), identity in zip(pairs, ids, strict=True)}


def test_structure_survives_export_collection_build_and_export(clean_city: City, other: City, tmp_path: Path) -> None:
    sent = bundle(clean_city.home, tmp_path / "sent")
    teachers = {
        (row["classSourcedId"], row["userSourcedId"]): row["primary"]
        for row in sent["enrollments"].values()
        if row["role"] == "teacher"
    }
    assert len(teachers) > 20
    assert teachers == dict.fromkeys(expected_homerooms(clean_city.home), "true")

    receipts = collect([tmp_path / "sent"], home=other.home, options=Options(org=COUNTY, period=PERIOD)).receipts
    by_dataset = {receipt.dataset: receipt for receipt in receipts}
    assert {name: receipt.status for name, receipt in by_dataset.items()} == dict.fromkeys(
        ("school", "class", "staff", "student"), "accepted"
    )
    roles = [row["role"] for row in sent["roles"].values()]
    schools = [row for row in sent["orgs"].values() if row["type"] == "school"]
    assert {name: receipt.rows_accepted for name, receipt in by_dataset.items()} == {
        "school": len(schools),
        "class": len(sent["classes"]),
        "student": roles.count("student"),
        "staff": len(roles) - roles.count("student"),
    }
    other.build()
    returned = bundle(other.home, tmp_path / "returned")
    for name in STRUCTURE:
        assert returned[name].keys() == sent[name].keys(), name
        for identity, row in sent[name].items():
            assert returned[name][identity] == row, (name, identity)
    get_settings.cache_clear()
