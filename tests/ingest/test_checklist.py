"""Checklists: what is expected of whom, what came late, what was refused, what is held; by hand over one school."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from rosters import SCHOOL, pupil, register, write_roster

from edu.codes import SEEDS
from edu.paths import Home
from ingest.checklist import checklist, write_checklist
from ingest.landing import collect
from ingest.submission import Options

PERIOD = "2024-2025/1"


def test_a_school_sees_what_it_owes(edu_home: Home, tmp_path: Path) -> None:
    on_time, late = datetime(2024, 9, 10), datetime(2024, 12, 1)
    register(edu_home, tmp_path, "211", on_time)
    roster = write_roster(tmp_path / "r.csv", [pupil(1), pupil(3, sex_code="")])
    collect([roster], home=edu_home, options=Options("student", SCHOOL, PERIOD, received_at=late))
    bad = tmp_path / "bad.csv"
    bad.write_text("随便\n", encoding="utf-8")
    collect([bad], home=edu_home, options=Options("staff", SCHOOL, PERIOD, received_at=on_time))
    rows = checklist(edu_home, SCHOOL, None, date(2024, 12, 2))
    state = {row["dataset"]: (row["state"], row["must_fix"]) for row in rows if row["period"] == PERIOD}
    assert state["school"] == ("已报", 0)
    assert state["student"] == ("迟报", 1)
    assert state["staff"] == ("退回", 1)
    assert state["class"] == ("逾期未报", 0)
    early = {row["dataset"]: row["state"] for row in checklist(edu_home, "421002", PERIOD, date(2024, 9, 2))}
    assert early["class"] == "待报"
    held = [{"dataset": "student", "school_code": SCHOOL, "period": PERIOD}]
    waiting = {row["dataset"]: row["state"] for row in checklist(edu_home, SCHOOL, PERIOD, date(2024, 12, 2), held)}
    assert waiting["student"] == "暂扣"
    assert checklist(edu_home, "421003", PERIOD, date(2024, 12, 2)) == []
    write_checklist(rows, SCHOOL, tmp_path / "list.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").active
    assert sheet is not None
    assert sheet.max_row == 3 + len(rows)


def test_graduates_are_asked_of_a_school_with_a_last_grade_and_of_one_without_a_roll(
    edu_home: Home, tmp_path: Path
) -> None:
    def asked(held: list[dict[str, str]] | None = None) -> bool:
        rows = checklist(edu_home, SCHOOL, PERIOD, date(2025, 10, 9), held)
        assert "fitness" in {row["dataset"] for row in rows}
        return "graduate_outcome" in {row["dataset"] for row in rows}

    def send_roll(name: str, day: int, coverage: str, *pupils: dict[str, Any]) -> None:
        roster = write_roster(tmp_path / name, list(pupils))
        options = Options("student", SCHOOL, PERIOD, coverage=coverage, received_at=datetime(2024, 9, day))
        collect([roster], home=edu_home, options=options)

    register(edu_home, tmp_path, "311", datetime(2024, 9, 10))
    assert asked()
    younger = pupil(1, grade_code="22"), pupil(3, grade_code="23", status_code="03")
    send_roll("part.csv", 11, "partial", younger[0])
    assert asked()
    send_roll("roll.csv", 12, "full", *younger)
    assert not asked()
    assert asked([{"dataset": "student", "school_code": SCHOOL, "period": PERIOD}])
    send_roll("more.csv", 13, "full", *younger, pupil(5, grade_code="23"))
    assert asked()
    # The corrected roll supersedes the wrong one; what comes after it adds to it.
    send_roll("less.csv", 14, "full", *younger)
    assert not asked()
    send_roll("late.csv", 15, "partial", pupil(7, grade_code="23"))
    assert asked()


def test_a_file_under_another_code_of_the_school_is_its_own(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, first = SCHOOL, "2142000099"
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    with (seeds / "school_code_change.csv").open("a", encoding="utf-8") as lines:
        lines.write(f"{new},{first},2024-06-01,批复\n")
    monkeypatch.setattr("ingest.checklist.SEEDS", seeds)
    register(edu_home, tmp_path, "211", datetime(2024, 9, 10))
    roster = write_roster(tmp_path / "r.csv", [pupil(1, school_code=first)])
    collect([roster], home=edu_home, options=Options("student", first, PERIOD, received_at=datetime(2024, 9, 5)))
    bad = tmp_path / "bad.csv"
    bad.write_text("随便\n", encoding="utf-8")
    collect([bad], home=edu_home, options=Options("staff", first, PERIOD, received_at=datetime(2024, 9, 5)))
    for org in (new, "421002"):
        rows = checklist(edu_home, org, PERIOD, date(2024, 12, 2))
        state = {row["dataset"]: (row["school_code"], row["state"]) for row in rows if row["period"] == PERIOD}
        assert state["student"] == (new, "已报")
        assert state["staff"] == (new, "退回")
        assert state["class"] == (new, "逾期未报")
