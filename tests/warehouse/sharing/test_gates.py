"""What leaves has passed the gates: rows of persons are those of the served version, wherever a package takes them from."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shares import approved

from edu import runs
from edu.errors import WarehouseError
from edu.paths import Home
from edu.settings import PROJECT_ROOT
from warehouse.publish import publish, published_persons
from warehouse.sharing import oneroster
from warehouse.sharing.package import build, export_bundle


def test_rows_that_a_gate_stopped_do_not_leave(home: Home) -> None:
    """A gate that fails after storage was built leaves the views of persons in `query` as they were published."""
    request_id = approved(home, item="student_roll", fields="person_id class_code")
    assert build(home, request_id, released_by="丁").rows == 6
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("update storage.fct_enrolment_snapshot set class_code = '1199' where school_id = 'S1000000001'")
    with pytest.raises(WarehouseError, match=r"storage\.fct_enrolment_snapshot.*edu publish"):
        build(home, request_id, released_by="丁")
    # Equal figures make no new version, but what passed is known.
    assert not publish(home).is_new
    assert build(home, request_id, released_by="丁").rows == 6


def test_publishing_after_a_build_that_was_stopped_lets_nothing_leave(home: Home) -> None:
    request_id = approved(home, item="student_roll", fields="person_id class_code")
    start, served = datetime(2025, 9, 1, 8), []
    for number, (step, status) in enumerate(
        [
            ("collection", "done"),
            ("storage", "done"),
            ("visualization", "done"),
            ("collection", "done"),
            ("storage", "failed"),
            ("gate_storage", "done"),
            ("visualization", "failed"),
            ("visualization", "done"),
        ]
    ):
        if step == "storage":
            with duckdb.connect(str(home.warehouse)) as c:
                c.execute("update storage.fct_enrolment_snapshot set class_code = ?", [f"12{number:02}"])
        times = {"started_at": start, "finished_at": start + timedelta(minutes=number)}
        record = {"run_id": f"r{number}", "step": step, "status": status, "rows": 1, "detail": "", **times}
        runs.append(home, "run_log", f"r{number}-{step}", [record])
        publish(home)
        try:
            build(home, request_id, released_by="丁")
            served.append(number)
        except WarehouseError:
            pass
    # Until the layer is built anew, what is there is what passed before.
    assert served == [0, 2, 3, 7]


def test_a_roster_that_a_gate_stopped_does_not_leave(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bundle(_: Home, *__: str, out: Path | None = None, has_demographics: bool) -> Path:
        raise AssertionError("nothing may be written")

    monkeypatch.setattr("warehouse.sharing.package.write_oneroster", bundle)
    approved(home, item="oneroster_roster", fields="roster", scope_org="421002", period="2024-2025/1", receiver="lms")
    with duckdb.connect(str(home.warehouse)) as c:
        c.execute("create table storage.fct_staff_snapshot as select 'a' as person_id")
    with pytest.raises(WarehouseError, match=r"storage\.fct_staff_snapshot"):
        export_bundle(
            home, "421002", "2024-2025/1", "lms", tmp_path / "out.zip", has_demographics=False, released_by="丁"
        )


def test_what_packages_take_persons_from_is_known(home: Home) -> None:
    assert "storage.fct_enrolment_snapshot" in published_persons(home)


def test_a_roster_takes_persons_from_no_other_table() -> None:
    """Tables of storage in the text of the writer that have a pseudonym by their own description."""
    text = Path(oneroster.__file__).read_text(encoding="utf-8")
    models = PROJECT_ROOT / "dbt_project" / "models" / "storage"
    pseudonymous = {
        path.stem for path in models.glob("*.yml") if "is_pseudonym: true" in path.read_text(encoding="utf-8")
    }
    named = set(re.findall(r"\b(?:dim|fct|bridge)_\w+", text)) & pseudonymous
    assert named
    assert {f"storage.{name}" for name in named} == set(oneroster.PERSON_TABLES)


@pytest.mark.parametrize("step", ["_write_files", "_descriptor", "_log"])
def test_nothing_of_a_package_that_failed_stays_in_the_outbox(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no space left")

    request_id = approved(home, item="student_roll", fields="person_id")
    monkeypatch.setattr(f"warehouse.sharing.package.{step}", fail)
    with pytest.raises(OSError, match="no space"):
        build(home, request_id, released_by="丁")
    assert [path for path in home.outbox.rglob("*") if path.is_file()] == []
