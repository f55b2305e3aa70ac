"""Identifiers are shown for the keys of an open case and no others, and every look is in the log before the answer."""

from __future__ import annotations

import json
import stat
import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))
from rosters import id_number, pupil, write_roster

from edu import audit
from edu.paths import Home
from edu.runs import RUN_SCHEMAS, append
from ingest.landing import collect
from ingest.retention import apply_retention, period_end
from ingest.submission import Options
from warehouse.reveal import CaseNotOpenError, remove_expired, reveal, write_revealed

SERIALS = (11, 12, 13)


def land(home: Home, folder: Path, period: str = "2024-2025/1", snapshot: str = "2024-09-01") -> None:
    """Land a roster of three pupils; the file is the same bytes whatever the period."""
    path = write_roster(folder / f"{period.replace('/', '-')}.csv", [pupil(serial) for serial in SERIALS])
    options = Options(
        dataset="student",
        org="2142000001",
        period=period,
        snapshot_date=datetime.fromisoformat(snapshot).date(),
        received_at=datetime.fromisoformat(f"{snapshot}T09:00:00"),
    )
    assert [receipt.status for receipt in collect([path], home=home, options=options).receipts] == ["accepted"]


def batches_of(home: Home, period: str) -> set[str]:
    """Return the batches that the receipts of a period name."""
    sql = f"select batch_id from read_parquet('{home.runs}/submission/*.parquet') where period = ?"
    return {str(row[0]) for row in duckdb.execute(sql, [period]).fetchall()}


@pytest.fixture
def city(edu_home: Home, tmp_path: Path) -> Home:
    """Three pupils, of whom one has an open case and one a decided one."""
    land(edu_home, tmp_path / "in")
    with duckdb.connect(str(edu_home.warehouse)) as connection:
        for schema in ("collection", "storage", "management"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            f"create table collection.student as select * from read_parquet('{edu_home.lake}/student/**/b*.parquet')"
        )
        connection.execute(
            "create table storage.map_person as select 'xjh:' || xjh_key as evidence_key, 'xjh:' || xjh_key as person_id "
            "from collection.student union all select 'cn_id:' || id_number_key, 'xjh:' || xjh_key from collection.student"
        )
        connection.execute(
            "create table management.\"case\" as select 'c' || seat_no as case_id, 'identity_collision' as case_kind, "
            "'student' as dataset, school_code, period, 'xjh:' || xjh_key as subject_key, "
            "case seat_no when '11' then 'open' else 'decided' end as status from collection.student"
        )
    return edu_home


def test_an_open_case_shows_its_own_pupil_and_the_look_is_logged(city: Home) -> None:
    answer = reveal(city, case_id="c11", reason="核查学籍号冲突", actor="officer-1", hours=2)
    values = {row["namespace"]: row["value"] for row in answer.identifiers}
    assert values == {"cn_id": id_number(11), "xjh": f"G{id_number(11)}"}
    assert {(row["row_number"], row["field"]) for row in answer.rows} >= {(2, "name"), (2, "phone")}
    assert {row["row_number"] for row in answer.rows} == {2}
    [entry] = audit.entries(city)
    assert (entry["action"], entry["actor"], entry["subject"]) == ("vault.reveal", "officer-1", "case c11")
    assert sorted(entry["details"]["keys"]) == sorted(row["key"] for row in answer.identifiers)
    text = audit.log_path(city).read_text(encoding="utf-8")
    assert id_number(11) not in text
    assert "王小明" not in text
    assert id_number(11) not in repr(answer)


def test_without_an_open_case_nobody_looks_and_nothing_is_logged(city: Home) -> None:
    for case in ("c12", "c99"):
        with pytest.raises(CaseNotOpenError):
            reveal(city, case_id=case, reason="核查", actor="officer-1")
    with pytest.raises(audit.AuditReasonError):
        reveal(city, case_id="c11", reason="", actor="officer-1")
    assert audit.entries(city) == []


def test_a_decision_ends_the_look_before_a_build_and_reopening_allows_it_again(city: Home) -> None:
    def record(decision: str, hour: int) -> None:
        row = {name: None for name in RUN_SCHEMAS["decision"].names}
        at = datetime(2025, 3, 1, hour)
        append(
            city,
            "decision",
            f"d{hour}",
            [{**row, "case_id": "c11", "decision": decision, "decision_id": f"d{hour}", "recorded_at": at}],
        )

    record("keep_apart", 9)
    with pytest.raises(CaseNotOpenError, match="it is decided"):
        reveal(city, case_id="c11", reason="核查", actor="officer-1")
    assert audit.entries(city) == []
    record("reopen", 10)
    assert reveal(city, case_id="c11", reason="核查", actor="officer-1").identifiers
    record("link", 11)
    with pytest.raises(CaseNotOpenError, match="it is decided"):
        reveal(city, case_id="c11", reason="核查", actor="officer-1")


def test_a_written_answer_is_private_and_goes_when_it_has_expired(city: Home) -> None:
    answer = reveal(city, case_id="c11", reason="核查", actor="officer-1", hours=2)
    path = write_revealed(city, answer)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8"))["expires_at"] == answer.expires_at.isoformat()
    assert remove_expired(city, answer.expires_at - timedelta(minutes=1)) == 0
    assert remove_expired(city, answer.expires_at) == 1
    assert not path.exists()


def test_what_is_past_its_years_goes_and_the_rest_stays(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, tmp_path / "in", "2020-2021/1", "2020-09-01")
    land(edu_home, tmp_path / "in", "2024-2025/1", "2024-09-01")
    # The contract keeps pupils' rolls for 30 years: 2021-08-31 and 30 years is 2051-08-31.
    day = datetime(2051, 8, 31).date()
    assert apply_retention(edu_home, actor="upkeep", is_dry_run=True, today=day) == []
    day = datetime(2051, 9, 1).date()
    [planned] = apply_retention(edu_home, actor="upkeep", is_dry_run=True, today=day)
    # The two files are the same bytes, so the later submission keeps them in the archive.
    assert (planned.period, len(planned.submissions), planned.archive_files) == ("2020-2021/1", 1, 0)
    assert planned.person_rows == 3 * 5
    assert audit.entries(edu_home) == []
    assert apply_retention(edu_home, actor="upkeep", is_dry_run=False, today=day) == [planned]
    assert apply_retention(edu_home, actor="upkeep", is_dry_run=True, today=day) == []
    # Of two batches, the hashes of names of the one within its years stay.
    kept_batch = batches_of(edu_home, "2024-2025/1")
    assert {path.stem for path in (edu_home.vault / "match").glob("*")} == kept_batch
    assert [entry["action"] for entry in audit.entries(edu_home)] == ["retention.remove"]
    from edu import vault
    from edu.pseudonym import load_key

    with vault.reading(edu_home, load_key(edu_home)) as connection:
        assert connection.execute("select count(*) from person_row").fetchone() == (15,)
        assert connection.execute("select count(*) from identifier").fetchone() == (6,)
    later = datetime(2056, 1, 1).date()
    # Now nobody within its years has the bytes: they go with the first of the two, the rows with the second.
    found = apply_retention(edu_home, actor="upkeep", is_dry_run=False, today=later)
    assert [(item.archive_files, item.person_rows) for item in found] == [(1, 0), (0, 15)]
    assert list(edu_home.archive.rglob("*.bin")) == []
    assert list((edu_home.vault / "match").glob("*")) == []
    with vault.reading(edu_home, load_key(edu_home)) as connection:
        assert connection.execute("select count(*) from identifier").fetchone() == (0,)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2024-2025/1", "2025-08-31"),
        ("2024-2025/2", "2025-08-31"),
        ("2024-2025", "2025-08-31"),
        ("FY2024", "2024-12-31"),
        ("2024-09-01", "2024-09-01"),
    ],
)
def test_the_end_of_a_period(period: str, end: str) -> None:
    assert period_end("student", period).isoformat() == end
