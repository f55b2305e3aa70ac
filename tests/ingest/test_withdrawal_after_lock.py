"""What the city locked is not taken back: the figures that it approved stay until a decision."""

from __future__ import annotations

from datetime import datetime

import pytest

from edu import audit, runs
from edu.paths import Home
from ingest.withdrawal import LockedSubmissionError, withdraw


def receipt(home: Home, submission: str) -> None:
    row = {name: None for name in runs.RUN_SCHEMAS["submission"].names}
    runs.append(
        home,
        "submission",
        submission,
        [{**row, "submission_id": submission, "dataset": "student", "period": "2024-2025/1"}],
    )


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
