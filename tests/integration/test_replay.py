"""Landing again, through a build: a submission counts once whatever landed it, and a replayed installation is the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from rosters import write_roster
from test_supersession import (
    COUNTY,
    PERIODS,
    SCHOOLS,
    counted,
    digests,
    home_at,
    land,
    lineage,
    random_deliveries,
    row,
    write_registry,
)
from test_supersession import build as build_facts
from test_supersession import replay as expected
from tests_city import City, use_home

from edu import contract as contract_module
from edu.clock import now
from edu.contract import Contract, get_contract
from edu.paths import Home
from edu.settings import get_settings
from ingest.landing import collect
from ingest.replay import receipts, reland, replay
from ingest.submission import Options
from warehouse import transform
from warehouse.digest import digest
from warehouse.status import status


def stricter(contract: Contract) -> Contract:
    """Return the contract as it was before: a row without a readable boarding code is set aside."""
    changed = [
        field.model_copy(update={"mandatory": True, "on_fault": "quarantine"})
        if field.name == "boarding_code"
        else field
        for field in contract.fields
    ]
    return contract.model_copy(update={"fields": tuple(changed)})


def build(home: Home, *more: str, as_of: str | None = None) -> None:
    selected = ["+ana_enrolment", "+mgt_submission_lineage", "+mgt_row_count_flow"]
    transform._invoke(home, home.warehouse, "all", ["run", "--select", *selected, *more], as_of)


def one(home: Home, sql: str) -> tuple[object, ...]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(sql).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


def test_a_submission_landed_again_under_another_contract_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_at(tmp_path / "home", monkeypatch)
    rows = [row(SCHOOLS[0], serial, code) for serial, code in enumerate(["1", "2", "7"])]
    file = write_roster(tmp_path / "r.csv", rows)
    every = contract_module.contracts()
    options = {"org": COUNTY, "period": PERIODS[1]}
    with monkeypatch.context() as patched:
        before = {**every, "student": stricter(every["student"])}
        patched.setattr(contract_module, "contracts", lambda: before)
        collect([write_registry(tmp_path / "school.csv")], home=home, options=Options(dataset="school", **options))
        receipt = collect([file], home=home, options=Options(dataset="student", **options)).receipts[0]
    assert (receipt.rows_read, receipt.rows_accepted, receipt.rows_quarantined) == (3, 2, 1)
    transform.run_seeds(home, home.warehouse)
    build(home, "--full-refresh")
    total = "select cast(sum(pupils) as integer) from analysis.enrolment"
    assert one(home, total) == (2,)

    again = reland(home, str(receipt.submission_id), recorded_at=now() + timedelta(days=1))
    assert again["contract_digest"] == get_contract("student").digest
    assert (again["rows_read"], again["rows_accepted"], again["rows_incomplete"]) == (3, 3, 1)
    # Also a build that only adds what is new.
    build(home)
    assert one(home, total) == (3,)
    identity = f"where submission_id = '{receipt.submission_id}'"
    figures = "rows_read, rows_accepted, rows_incomplete, rows_quarantined, contract_digest"
    newest = (3, 3, 1, 0, get_contract("student").digest)
    assert one(home, f"select {figures} from collection.submission {identity}") == newest
    assert one(home, f"select count(*), count(distinct batch_id) from collection.landing {identity}") == (2, 2)
    assert one(home, f"select state, units, landings from management.submission_lineage {identity}") == (
        "current",
        1,
        2,
    )
    flow = (
        "select rows_read, rows_quarantined, rows_accepted, rows_counting, rows_repeated from management.row_count_flow"
    )
    assert one(home, f"{flow} {identity}") == (3, 0, 3, 3, 0)
    told = {item["dataset"]: item for item in status(home)["submissions"]}["student"]
    assert [told[name] for name in ("files", "rows_read", "rows_accepted", "rows_incomplete", "rows_quarantined")] == [
        *(1, 3, 3, 1, 0)
    ]
    # A build that looks from the day before the second landing sees the first.
    home.warehouse.unlink()
    transform.run_seeds(home, home.warehouse)
    build(home, as_of=now().date().isoformat())
    assert one(home, total) == (2,)
    get_settings.cache_clear()


@pytest.mark.city
def test_a_replayed_installation_counts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of every carrier, in another order than they count, some withdrawn and one landed twice."""
    home = home_at(tmp_path / "first", monkeypatch)
    deliveries = random_deliveries(7, count=8, pulls=0)
    assert {item.carrier for item in deliveries} == {"csv", "bundle", "marked"}
    assert any(item.is_withdrawn for item in deliveries)
    land(home, tmp_path, deliveries, [5, 0, 7, 1, 6, 2, 4, 3], set())
    reland(home, deliveries[0].submission_id, recorded_at=now() + timedelta(seconds=1))
    build_facts(home)
    target = home_at(tmp_path / "second", monkeypatch)
    replay(home, target)
    assert receipts(target) == receipts(home)
    build_facts(target)
    assert counted(target) == counted(home) == expected(deliveries)
    assert digests(target) == digests(home)
    assert lineage(target) == lineage(home)
    get_settings.cache_clear()


@pytest.mark.slow
def test_a_replayed_city_has_the_same_digest(clean_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0")
    target = City(clean_city.out, use_home(tmp_path / "second"))
    done = replay(clean_city.home, target.home)
    with duckdb.connect() as connection:
        recorded = connection.execute(
            f"select count(distinct submission_id), count(distinct batch_id) from read_parquet('{clean_city.home.runs}/submission/*.parquet')"
        ).fetchone()
    assert (done.submissions, done.landings) == recorded
    target.build()
    assert digest(target.home.warehouse) == digest(clean_city.home.warehouse)
    # The same key gives the same pseudonyms too.
    assert digest(target.home.warehouse, with_pseudonyms=True) == digest(
        clean_city.home.warehouse, with_pseudonyms=True
    )
    get_settings.cache_clear()
