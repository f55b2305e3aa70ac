"""What is overdue is told, by bureau, as long as it is fresh."""

from __future__ import annotations

from datetime import date

import duckdb

from edu.paths import Home
from edu.pipeline import alert_overdue
from warehouse.deadlines import overdue


def build(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema management")
        connection.execute(
            "create table management.expected_submission as select * from (values "
            "('student', 'p', '421002', 'missing', date '2024-10-01'), ('student', 'p', '421002', 'rejected', date '2024-10-01'), "
            "('student', 'p', '421003', 'missing', date '2024-10-01'), ('student', 'p', '421003', 'late', date '2024-10-01'), "
            "('staff', 'p', '421002', 'missing', date '2024-10-02'), ('class', 'p', '421002', 'missing', date '2024-07-01')"
            ") as v(dataset, period, managing_org, status, due_date)"
        )


def test_missing_units_are_told_from_the_day_after_the_due_date(edu_home: Home) -> None:
    assert overdue(edu_home, date(2024, 10, 2)) == []
    build(edu_home)
    assert [(item.dataset, item.days) for item in overdue(edu_home, date(2024, 10, 1))] == []
    [student] = overdue(edu_home, date(2024, 10, 2))
    assert (student.dataset, student.days, student.missing) == ("student", 1, (("421002", 2), ("421003", 1)))
    assert [item.dataset for item in overdue(edu_home, date(2024, 10, 3))] == ["staff", "student"]
    assert overdue(edu_home, date(2024, 12, 15)) == []
    assert student.lines() == ["应于 2024-10-01 报齐", "421002: 2 个单位未报", "421003: 1 个单位未报"]


def test_nothing_fresh_gives_no_alert(edu_home: Home) -> None:
    build(edu_home)
    assert alert_overdue(edu_home) == 0
    assert not (edu_home.logs / "alerts.jsonl").exists()
