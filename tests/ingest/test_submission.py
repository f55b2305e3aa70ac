"""Where metadata comes from, and in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from edu.errors import ExitCode, MissingMetadataError, UnknownDatasetError
from edu.paths import Home
from ingest import submission
from ingest.inbox import plan, read_plan
from ingest.submission import MetadataError, Options, resolve_metadata, submission_id

TITLE = "荆州市学生学籍信息表（学年学期：2023-2024/2，时点：2024-03-02，填报单位：2142000009）"


def test_options_before_sidecar_before_folder_before_title(tmp_path: Path) -> None:
    path = tmp_path / "421002" / "student" / "2024-2025-1" / "r.csv"
    path.parent.mkdir(parents=True)
    assert resolve_metadata(tmp_path / "x.xlsx", Options(), TITLE).org == "2142000009"
    assert resolve_metadata(tmp_path / "x.xlsx", Options(), TITLE).snapshot_date == date(2024, 3, 2)
    assert resolve_metadata(path, Options(), TITLE).period == "2024-2025/1"
    path.with_name("r.csv.meta.json").write_text(json.dumps({"period": "2024-2025/2"}))
    found = resolve_metadata(path, Options())
    assert (found.period, found.snapshot_date) == ("2024-2025/2", date(2025, 3, 1))
    assert resolve_metadata(path, Options(period="2022-2023/1")).snapshot_date == date(2022, 9, 1)


def test_missing_items_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingMetadataError) as caught:
        resolve_metadata(tmp_path / "r.csv", Options(dataset="student"))
    assert caught.value.missing == ["org", "period"]


@pytest.mark.parametrize(
    ("options", "item"),
    [
        (Options(dataset="student", org="421002", period="2024"), "period"),
        (Options(dataset="student", org="421002", period="2024-2026/1"), "period"),
        (Options(dataset="campus_facility", org="421002", period="2024-2025/1"), "period"),
        (Options(dataset="student", org="../etc", period="2024-2025/1"), "org"),
        (Options(dataset="student", org="421002", period="2024-2025/1", coverage="some"), "coverage"),
        (Options(dataset="student", org="421002", period="2024-2025/1", profile="x"), "profile"),
    ],
)
def test_wrong_items_are_refused(tmp_path: Path, options: Options, item: str) -> None:
    with pytest.raises(MetadataError) as caught:
        resolve_metadata(tmp_path / "r.csv", options)
    assert caught.value.item == item


@pytest.mark.parametrize(
    ("now", "period", "received", "is_taken"),
    [
        # A slip in the year: the newest receipt is the day from which the city is judged.
        ("2026-11-30T10:00:00", "2024-2025/1", "2099-01-01T00:00:00", False),
        ("2026-11-30T10:00:00", "2024-2025/1", "2204-09-10T00:00:00", False),
        # Clocks may differ by a day.
        ("2026-11-30T10:00:00", "2018-2019/1", "2026-12-01T10:00:00", True),
        ("2026-11-30T10:00:00", "2018-2019/1", "2026-12-01T10:00:01", False),
        ("2026-11-30T10:00:00", "FY2020", "2026-12-01T10:00:01", False),
        # Files of a calendar of their own are landed on whatever day.
        ("2024-10-01T10:00:00", "2025-2026/2", "2026-09-17T15:50:55", True),
        ("2024-10-01T10:00:00", "2024-2025/1", "2026-12-31T23:59:59", True),
        ("2024-10-01T10:00:00", "2024-2025/1", "2027-01-01T00:00:00", False),
    ],
)
@pytest.mark.parametrize("place", ["option", "sidecar"])
def test_a_receipt_is_not_far_ahead_of_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: str, period: str, received: str, is_taken: bool, place: str
) -> None:
    monkeypatch.setattr(submission, "now", lambda: datetime.fromisoformat(now))
    path, dataset = tmp_path / "r.csv", "finance" if period.startswith("FY") else "student"
    options = Options(dataset=dataset, org="421002", period=period)
    if place == "option":
        options = replace(options, received_at=datetime.fromisoformat(received))
    else:
        path.with_name("r.csv.meta.json").write_text(json.dumps({"received_at": received}))
    if is_taken:
        assert resolve_metadata(path, options).received_at == datetime.fromisoformat(received)
        return
    with pytest.raises(MetadataError) as caught:
        resolve_metadata(path, options)
    assert caught.value.item == "received_at"
    assert caught.value.exit_code == ExitCode.USAGE


def test_unknown_datasets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownDatasetError):
        resolve_metadata(tmp_path / "r.csv", Options(dataset="weather", org="421002", period="2024-2025/1"))


def test_times_are_shanghai(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.with_name("r.csv.meta.json").write_text(json.dumps({"received_at": "2024-09-05T00:30:00+00:00"}))
    found = resolve_metadata(path, Options(dataset="student", org="421002", period="2024-2025/1"))
    assert found.received_at == datetime(2024, 9, 5, 8, 30)
    assert not found.is_clocked


def test_the_id_depends_on_bytes_and_metadata(tmp_path: Path) -> None:
    options = Options(dataset="student", org="421002", period="2024-2025/1", received_at=datetime(2024, 9, 5))
    one = resolve_metadata(tmp_path / "r.csv", options)
    assert submission_id("a" * 64, one) == submission_id("a" * 64, one)
    assert submission_id("a" * 64, one) != submission_id("b" * 64, one)
    assert len(submission_id("a" * 64, one)) == 32


def test_plans_cover_the_inbox_once(edu_home: Home) -> None:
    for org in ("421002", "421003"):
        for number in range(20):
            path = edu_home.inbox / org / "student" / "2024-2025-1" / f"{number}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x" * (number + 1))
    (edu_home.inbox / "421002" / "student" / "2024-2025-1" / "late.csv.part").write_text("not yet")
    numbers = plan(edu_home, 16)
    assert len(numbers) <= 16
    paths = [path for number in numbers for path in read_plan(edu_home, number)]
    assert len(paths) == len(set(paths)) == 40
