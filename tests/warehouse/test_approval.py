"""School, county, city: who may approve when, what an approval binds, and that the city's locks."""

from __future__ import annotations

import hashlib

import duckdb
import pyarrow.parquet as pq
import pytest

from edu import audit, runs
from edu.clock import now
from edu.paths import Home
from warehouse.approval import (
    ApprovalOrderError,
    NothingToApproveError,
    PeriodLockedError,
    UnbuiltWithdrawalError,
    approve,
)

COUNTY, CITY = "421002", "421000"
SCHOOLS = {"1": COUNTY, "2": COUNTY, "9": CITY}
"""Two schools of a county, one that answers to the city."""


def digest(*deliveries: str) -> str:
    return hashlib.sha256(",".join(deliveries).encode()).hexdigest()


def build(home: Home, current: dict[str, str], gone: bool = False) -> None:
    """Write a warehouse in which each school of `current` has one delivery, which is taken back or not."""
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as c:
        for schema in ("collection", "storage", "management"):
            c.execute(f"create schema {schema}")
        c.execute("create table collection.submission (submission_id varchar, status varchar, is_withdrawn boolean)")
        c.execute(
            "create table collection.unit (dataset varchar, period varchar, unit_owner varchar, snapshot_date date, "
            "submission_id varchar, batch_id varchar)"
        )
        c.execute(
            "create table storage.unit_current (dataset varchar, period varchar, unit_owner varchar, "
            "submission_id varchar, is_held boolean)"
        )
        c.execute(
            "create table storage.unit_org (dataset varchar, unit_owner varchar, period varchar, county_org varchar, "
            "city_org varchar)"
        )
        c.execute(
            "create table management.expected_submission (dataset varchar, school_code varchar, managing_org varchar, "
            "period varchar)"
        )
        c.execute(
            "create table management.approval_status (org varchar, org_level varchar, dataset varchar, period varchar, "
            "units bigint, content_digest varchar)"
        )
        for school, org in SCHOOLS.items():
            c.execute("insert into management.expected_submission values ('student', ?, ?, 'p')", [school, org])
            content = f"{school}:{current[school]}" if school in current else None
            c.execute(
                "insert into management.approval_status values (?, 'school', 'student', 'p', ?, ?)",
                [school, 1 if content else 0, digest(content) if content else None],
            )
            if content:
                c.execute(
                    "insert into storage.unit_org values ('student', ?, 'p', nullif(?, '421000'), '421000')",
                    [school, org],
                )
                c.execute(
                    "insert into collection.unit values ('student', 'p', ?, null, ?, 'b' || ?)",
                    [school, current[school], school],
                )
                c.execute(
                    "insert into storage.unit_current values ('student', 'p', ?, ?, ? = '2')",
                    [school, current[school], school],
                )
                c.execute("insert into collection.submission values (?, 'accepted', ?)", [current[school], gone])
        for org, level in ((COUNTY, "county"), (CITY, "city")):
            own = [f"{s}:{d}" for s, d in sorted(current.items()) if level == "city" or SCHOOLS[s] == org]
            c.execute(
                "insert into management.approval_status values (?, ?, 'student', 'p', ?, ?)",
                [org, level, len(own), digest(*own)],
            )


def say(home: Home, org: str, *, cover: bool = False, dataset: str | None = "student"):  # type: ignore[no-untyped-def]
    [done] = approve(home, org=org, dataset=dataset, period="p", actor="clerk", reason="核对无误", cover_missing=cover)
    return done


def test_a_parent_waits_for_its_children(edu_home: Home) -> None:
    build(edu_home, {"1": "s1", "2": "s2", "9": "s9"})
    with pytest.raises(ApprovalOrderError) as caught:
        say(edu_home, COUNTY)
    assert caught.value.waiting == ["1", "2"]
    say(edu_home, "1")
    say(edu_home, "2")
    with pytest.raises(ApprovalOrderError) as caught:
        say(edu_home, CITY)
    assert caught.value.waiting == [COUNTY, "9"]
    assert say(edu_home, COUNTY).covered == ()
    say(edu_home, "9")
    done = say(edu_home, CITY)
    assert (done.org_level, done.units, done.is_new) == ("city", 3, True)
    with pytest.raises(PeriodLockedError):
        say(edu_home, "1")
    assert [entry["subject"] for entry in audit.entries(edu_home)] == [
        f"{org} student p" for org in ("1", "2", COUNTY, "9", CITY)
    ]
    assert audit.verify(edu_home).is_whole


def test_what_changed_must_be_approved_again(edu_home: Home) -> None:
    build(edu_home, {"1": "s1", "2": "s2", "9": "s9"})
    for org in ("1", "2", COUNTY, "9"):
        say(edu_home, org)
    build(edu_home, {"1": "s1", "2": "s3", "9": "s9"})
    with pytest.raises(ApprovalOrderError) as caught:
        say(edu_home, CITY)
    assert caught.value.waiting == [COUNTY]
    with pytest.raises(ApprovalOrderError) as caught:
        say(edu_home, COUNTY)
    assert caught.value.waiting == ["2"]
    assert not say(edu_home, "1").is_new
    assert say(edu_home, "2").is_new


def test_nobody_approves_what_was_taken_back_and_still_counts(edu_home: Home) -> None:
    build(edu_home, {"1": "s1", "2": "s2", "9": "s9"})
    record = {"submission_id": "s2", "author": "clerk", "reason": "报错了学期", "recorded_at": now()}
    runs.append(edu_home, "withdrawal", "s2", [record])
    assert say(edu_home, "1").is_new
    for org in ("2", COUNTY, CITY):
        with pytest.raises(
            UnbuiltWithdrawalError, match=f"{org} cannot approve dataset student of p: s2 was withdrawn"
        ):
            say(edu_home, org, cover=True)
    build(edu_home, {"1": "s1", "2": "s2", "9": "s9"}, gone=True)
    assert say(edu_home, COUNTY, cover=True).is_new


def test_a_parent_may_answer_for_a_missing_child_and_that_is_written_down(edu_home: Home) -> None:
    build(edu_home, {"1": "s1", "9": "s9"})
    say(edu_home, "1")
    with pytest.raises(NothingToApproveError):
        say(edu_home, "2")
    assert say(edu_home, COUNTY, cover=True).covered == ("2",)
    assert audit.entries(edu_home)[-1]["details"]["covered"] == ["2"]


def test_an_approval_says_what_it_saw(edu_home: Home) -> None:
    build(edu_home, {"1": "s1", "2": "s2", "9": "s9"})
    done = say(edu_home, COUNTY, cover=True)
    [record] = pq.read_table(edu_home.runs / "approval" / f"{done.approval_id}.parquet").to_pylist()
    assert (record["content_digest"], record["covered_orgs"]) == (digest("1:s1", "2:s2"), "1,2")
    seen = pq.read_table(edu_home.runs / "approval_seen" / f"{done.approval_id}.parquet").to_pylist()
    # The gate holds the second.
    assert [(row["unit_owner"], row["submission_id"], row["batch_id"], row["is_held"]) for row in seen] == [
        ("1", "s1", "b1", False),
        ("2", "s2", "b2", True),
    ]


def test_all_datasets_at_once(edu_home: Home) -> None:
    build(edu_home, {"1": "s1"})
    assert say(edu_home, "1", dataset=None).dataset == "student"
    with pytest.raises(NothingToApproveError):
        say(edu_home, "8", dataset=None)
