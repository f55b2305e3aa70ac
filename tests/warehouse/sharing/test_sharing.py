"""Sharing: who may ask and decide, what a package holds, and that nothing leaves without an open approval."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from shares import approved, ask
from typer.testing import CliRunner

from edu import audit
from edu.cli import app
from edu.clock import now
from edu.errors import ExitCode
from edu.paths import Home
from edu.pseudonym import load_key
from edu.sharing_domain import domain_ids
from warehouse.sharing.package import build, build_due
from warehouse.sharing.requests import (
    ShareRefusedError,
    ShareRequestError,
    decide,
    read_requests,
    revoke,
)


def test_nothing_is_built_without_an_open_approval(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, refused, ended = ask(home), ask(home), approved(home)
    decide(home, refused, approve=False, decided_by="乙", reason="用途不明")
    revoke(home, ended, revoked_by="丙", reason="项目终止")
    expiring = approved(home, expires_on=now().date())
    monkeypatch.setattr("warehouse.sharing.requests.now", lambda: now() + timedelta(days=1))
    monkeypatch.setattr("warehouse.sharing.package.now", lambda: now() + timedelta(days=1))
    for request_id, why in ((waiting, "waiting"), (refused, "refused"), (ended, "revoked"), (expiring, "expired")):
        with pytest.raises(ShareRefusedError, match=why) as found:
            build(home, request_id, released_by="丁")
        assert found.value.exit_code == ExitCode.REJECTED
    assert build_due(home, released_by="丁") == []
    assert list(home.outbox.rglob("*")) == []


def test_who_asks_does_not_decide_and_a_decision_is_final(home: Home) -> None:
    request_id = ask(home)
    with pytest.raises(ShareRequestError, match="another person"):
        decide(home, request_id, approve=True, decided_by="甲 ", reason="自批")
    decide(home, request_id, approve=False, decided_by="乙", reason="不必要")
    with pytest.raises(ShareRequestError, match="refused already"):
        decide(home, request_id, approve=True, decided_by="乙", reason="改主意")
    with pytest.raises(audit.AuditReasonError):
        decide(home, ask(home), approve=True, decided_by="乙", reason=" ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"item": "student_sensitive"},
        {"item": "nothing"},
        {"item": "student_roll", "fields": "person_id disability_code"},
        {"item": "student_roll", "fields": "person_id row_key"},
        {"fields": ""},
        {"item": "oneroster_roster", "fields": "roster", "period": "2024-2025/1"},
        {"receiver": "../x"},
        {"scope_org": "421002' or true --"},
        {"purpose": " "},
        {"expires_on": date(2020, 1, 1)},
    ],
)
def test_requests_stay_within_the_catalog(home: Home, wrong: dict[str, Any]) -> None:
    with pytest.raises(ShareRequestError):
        ask(home, **wrong)
    assert read_requests(home) == []


def table(folder: Path, item: str) -> list[dict[str, Any]]:
    return pq.read_table(folder / f"{item}.parquet").to_pylist()


def test_a_package_of_figures(home: Home) -> None:
    done = build(home, approved(home), released_by="丁")
    rows = table(done.folder, "school_enrolment")
    cells = {(r["school_id"], r["grade_code"], r["sex_code"]): (r["pupils"], r["is_hidden"]) for r in rows}
    # The three boys of a grade are hidden, and its girls with them: the size of the grade is known from its classes.
    assert {key for key, (_, is_hidden) in cells.items() if is_hidden} == {
        ("S1000000001", "11", "1"),
        ("S1000000001", "11", "2"),
    }
    assert all((count is None) == is_hidden for count, is_hidden in cells.values())
    assert cells[("S1000000002", "11", "1")] == (30, False)
    descriptor = json.loads((done.folder / "datapackage.json").read_text())
    assert {r["format"] for r in descriptor["resources"]} == {"parquet", "csv", "xlsx", "md"}
    for resource in descriptor["resources"]:
        content = (done.folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert descriptor["sharing"]["purpose"] == "预防接种"
    assert done.folder.parent.stat().st_mode & 0o777 == 0o700


def test_no_cell_of_a_package_is_a_formula(home: Home) -> None:
    done = build(home, approved(home), released_by="丁")
    with (done.folder / "school_enrolment.csv").open(encoding="utf-8", newline="") as stream:
        names = {row["school_name"] for row in csv.DictReader(stream)}
    assert names == {"荆州小学", "'=HYPERLINK(1)"}
    sheet = openpyxl.load_workbook(done.folder / "school_enrolment.xlsx").active
    assert {(cell.value, cell.data_type) for cell in sheet["B"][1:]} == {("荆州小学", "s"), ("=HYPERLINK(1)", "s")}


def test_each_receiver_has_pseudonyms_of_its_own(home: Home) -> None:
    def keys(receiver: str) -> list[str]:
        request_id = approved(home, item="student_roll", fields="person_id school_id", receiver=receiver)
        return [row["person_id"] for row in table(build(home, request_id, released_by="丁").folder, "student_roll")]

    own = {f"{number:032x}" for number in range(3)}
    first, again, other = keys("health_bureau"), keys("health_bureau"), keys("statistics_bureau")
    assert sorted(first) == sorted(again)
    assert len(set(first)) == 3
    assert set(first).isdisjoint(other)
    assert set(first).isdisjoint(own)
    assert first == sorted(first)
    assert set(first) == set(domain_ids(load_key(home), "health_bureau", sorted(own)))


def test_a_package_holds_the_approved_rows_only(home: Home) -> None:
    more = {"item": "student_roll", "fields": "school_id period"}
    county = table(build(home, approved(home, scope_org="421002", **more), released_by="丁").folder, "student_roll")
    assert {row["school_id"] for row in county} == {"S1000000001", "S1000000003"}
    school = approved(home, scope_org="1000000002", period="2024-2025/2", **more)
    rows = table(build(home, school, released_by="丁").folder, "student_roll")
    assert rows == [{"school_id": "S1000000002", "period": "2024-2025/2"}]
    with pytest.raises(ShareRequestError, match="manages no school"):
        build(home, approved(home, scope_org="421099", **more), released_by="丁")


def test_every_release_is_logged(home: Home) -> None:
    request_id = approved(home)
    done = build(home, request_id, released_by="丁")
    with duckdb.connect() as connection:
        logged = connection.execute(
            f"select release_id, request_id, receiver, version, rows, rows_hidden, released_by "
            f"from read_parquet('{home.runs}/share_release/p*.parquet')"
        ).fetchall()
    assert logged == [(done.release_id, request_id, "health_bureau", "1.0.0", 6, 2, "丁")]
    assert [entry["action"] for entry in audit.entries(home)] == ["share.request", "share.approved", "share.release"]
    assert audit.verify(home).is_whole
    assert build_due(home, released_by="丁") == []
    second = approved(home, receiver="statistics_bureau")
    assert len(build_due(home, released_by="丁")) == 1
    assert {r.request_id for r in read_requests(home)} == {request_id, second}


def test_the_log_of_releases_can_be_looked_at(home: Home) -> None:
    request_id = approved(home)
    done = build(home, request_id, released_by="丁")
    shown = CliRunner().invoke(app, ["share", "log"])
    assert shown.exit_code == 0
    (line,) = shown.stdout.splitlines()
    assert line.split("\t")[1:] == [
        *(done.release_id, request_id, "school_enrolment", "health_bureau", "1.0.0", "6", "2", "丁", "预防接种")
    ]
    (entry,) = json.loads(CliRunner().invoke(app, ["share", "log", "--json"]).stdout)
    assert entry["sha256"] == hashlib.sha256((done.folder / "datapackage.json").read_bytes()).hexdigest()


def test_a_roster_leaves_as_oneroster_bundle(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def bundle(_: Home, org: str, period: str, domain: str, out: Path, *, has_demographics: bool) -> Path:
        assert (org, period, domain, has_demographics) == ("1000000002", "2024-2025/1", "health_bureau", False)
        with zipfile.ZipFile(out, "w") as written:
            written.writestr("users.csv", "sourcedId\na\nb\n")
        return out

    monkeypatch.setattr("warehouse.sharing.package.write_oneroster", bundle)
    more = {"item": "oneroster_roster", "fields": "roster", "scope_org": "1000000002", "period": "2024-2025/1"}
    with pytest.raises(ShareRefusedError):
        build(home, ask(home, **more), released_by="丁")
    done = build(home, approved(home, **more), released_by="丁")
    descriptor = json.loads((done.folder / "datapackage.json").read_text())
    assert done.rows == 2
    assert {r["format"] for r in descriptor["resources"]} == {"zip", "md"}
