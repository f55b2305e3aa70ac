"""What the city locked is not taken back: the figures that it approved stay until a decision."""

from __future__ import annotations

from datetime import datetime

import pytest

from edu import audit, runs
from edu.city_lock import LockedRegisterError, LockedSubmissionError
from edu.errors import ExitCode
from edu.paths import Home
from edu.pseudonym import load_or_create_key
from expectations.release import release
from ingest.archive import ArchiveError
from ingest.replay import reland
from ingest.withdrawal import withdraw


def receipt(home: Home, submission: str, dataset: str = "student", period: str = "2024-2025/1") -> None:
    row = {name: None for name in runs.RUN_SCHEMAS["submission"].names}
    runs.append(
        home,
        "submission",
        submission,
        [{**row, "submission_id": submission, "dataset": dataset, "period": period}],
    )


def correction(home: Home, submission: str, decision: str, hour: int) -> None:
    row = {name: None for name in runs.RUN_SCHEMAS["correction"].names}
    unit = {"dataset": "student", "unit_owner": "2142000001", "period": "2024-2025/1"}
    at = datetime(2024, 10, 1, hour)
    what = {**unit, "submission_id": submission, "decision": decision, "recorded_at": at, "correction_id": f"k{hour}"}
    runs.append(home, "correction", f"{submission}-{hour}", [{**row, **what}])


def approval(home: Home, level: str, seen: str) -> None:
    row = {name: None for name in runs.RUN_SCHEMAS["approval"].names}
    runs.append(home, "approval", level, [{**row, "approval_id": level, "org_level": level}])
    row = {name: None for name in runs.RUN_SCHEMAS["approval_seen"].names}
    runs.append(home, "approval_seen", level, [{**row, "approval_id": level, "submission_id": seen}])


def test_a_submission_that_the_city_saw_stays_and_another_goes(edu_home: Home) -> None:
    for name in ("s1", "s2"):
        receipt(edu_home, name)
    approval(edu_home, "county", "s2")
    approval(edu_home, "city", "s1")
    with pytest.raises(LockedSubmissionError):
        withdraw(edu_home, "s1", by="clerk", reason="报错文件", recorded_at=datetime(2024, 10, 9, 8))
    assert audit.entries(edu_home) == []
    assert withdraw(edu_home, "s2", by="clerk", reason="报错文件").is_new


def test_what_a_decision_made_count_is_not_taken_back(edu_home: Home) -> None:
    for name in ("s1", "s2", "s3"):
        receipt(edu_home, name)
    approval(edu_home, "city", "s1")
    correction(edu_home, "s2", "rejected", 8)
    correction(edu_home, "s2", "approved", 9)
    correction(edu_home, "s3", "rejected", 8)
    load_or_create_key(edu_home)
    with pytest.raises(LockedSubmissionError, match="2024-2025/1"):
        withdraw(edu_home, "s2", by="clerk", reason="报错文件")
    with pytest.raises(LockedSubmissionError):
        reland(edu_home, "s2")
    assert withdraw(edu_home, "s3", by="clerk", reason="报错文件").is_new


@pytest.mark.parametrize(
    ("locked", "is_refused"),
    [
        ("2024-2025/1", True),
        ("2024-2025", True),
        ("FY2024", True),
        ("FY2025", True),
        ("2024-2025/2", False),
        ("2023-2024", False),
        ("FY2023", False),
    ],
)
def test_the_register_under_locked_figures_is_not_taken_back(edu_home: Home, locked: str, is_refused: bool) -> None:
    receipt(edu_home, "r1", "school")
    receipt(edu_home, "s1")
    row = {name: None for name in runs.RUN_SCHEMAS["approval"].names}
    what = {"approval_id": "a1", "org_level": "city", "dataset": "staff", "period": locked}
    runs.append(edu_home, "approval", "a1", [{**row, **what}])
    if is_refused:
        with pytest.raises(LockedRegisterError, match=f"staff in {locked}"):
            withdraw(edu_home, "r1", by="clerk", reason="报错文件")
        assert audit.entries(edu_home) == []
    else:
        assert withdraw(edu_home, "r1", by="clerk", reason="报错文件").is_new
    assert withdraw(edu_home, "s1", by="clerk", reason="报错文件").is_new


def test_a_submission_that_the_city_saw_is_not_landed_again(edu_home: Home) -> None:
    for name in ("s1", "s2"):
        receipt(edu_home, name)
    approval(edu_home, "city", "s1")
    load_or_create_key(edu_home)
    runs.ensure_empty(edu_home)
    before = sorted(path for path in edu_home.runs.rglob("*"))
    with pytest.raises(LockedSubmissionError) as caught:
        reland(edu_home, "s1")
    assert caught.value.exit_code == ExitCode.REJECTED
    assert sorted(path for path in edu_home.runs.rglob("*")) == before
    # Of the other only the archived bytes are missing here.
    with pytest.raises(ArchiveError):
        reland(edu_home, "s2")


def test_a_unit_that_the_city_locked_held_is_not_let_through(edu_home: Home) -> None:
    row = {name: None for name in runs.RUN_SCHEMAS["gate_result"].names} | {
        "gate": "collection",
        "scope": "unit",
        "expectation": "volume_against_last_period",
        "dataset": "student",
        "school_code": "2142000001",
        "period": "2024-2025/1",
        "is_success": False,
        "run_id": "r1",
        "recorded_at": datetime(2024, 10, 1),
    }
    runs.append(edu_home, "gate_result", "r1", [{**row, "submission_id": "s1"}])
    unit = {"dataset": "student", "school_code": "2142000001", "period": "2024-2025/1"}
    approval(edu_home, "city", "s1")
    with pytest.raises(LockedSubmissionError):
        release(edu_home, **unit, by="steward", reason="已核实")
    assert audit.entries(edu_home) == []
    # What came after the lock is judged by itself: it counts when its 更正单 is approved.
    runs.append(
        edu_home,
        "gate_result",
        "r2",
        [{**row, "submission_id": "s2", "run_id": "r2", "recorded_at": datetime(2024, 10, 2)}],
    )
    assert [done.submission_id for done in release(edu_home, **unit, by="steward", reason="已核实")] == ["s2"]
