"""Whoever changes, drops, reorders or cuts off an entry is found out; appending from many processes keeps one chain."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from edu import audit
from edu.paths import Home
from edu.settings import get_settings


def write(home: Home, count: int) -> None:
    for number in range(count):
        audit.append(home, "vault.reveal", "officer-1", "核查学籍", f"case-{number}", {"keys": number})


def lines(home: Home) -> list[str]:
    return audit.log_path(home).read_text(encoding="utf-8").splitlines()


def put(home: Home, content: list[str]) -> None:
    audit.log_path(home).write_text("".join(line + "\n" for line in content), encoding="utf-8")


def test_a_chain_that_nobody_touched_is_whole(edu_home: Home) -> None:
    write(edu_home, 5)
    report = audit.verify(edu_home)
    assert (report.is_whole, report.entries, report.heads_seen) == (True, 5, 5)
    assert [entry["seq"] for entry in audit.entries(edu_home)] == [1, 2, 3, 4, 5]
    assert oct(audit.log_path(edu_home).stat().st_mode & 0o777) == "0o600"


def test_an_empty_installation_has_nothing_to_complain_of(edu_home: Home) -> None:
    assert audit.verify(edu_home).is_whole


@pytest.mark.parametrize("index", [0, 2, 4])
def test_a_changed_entry_is_found(edu_home: Home, index: int) -> None:
    write(edu_home, 5)
    content = lines(edu_home)
    content[index] = content[index].replace("officer-1", "officer-2")
    put(edu_home, content)
    assert f"line {index + 1} (seq {index + 1}) was changed" in audit.verify(edu_home).problems


@pytest.mark.parametrize("index", [0, 1, 3])
def test_a_dropped_entry_is_found(edu_home: Home, index: int) -> None:
    write(edu_home, 5)
    content = lines(edu_home)
    put(edu_home, content[:index] + content[index + 1 :])
    assert not audit.verify(edu_home).is_whole


def test_entries_cut_off_are_found_by_the_exported_head_alone(edu_home: Home) -> None:
    write(edu_home, 5)
    put(edu_home, lines(edu_home)[:3])
    problems = audit.verify(edu_home).problems
    assert problems == ["the log ends at seq 3, but head 5 was exported: entries were cut off"]
    audit.log_path(edu_home).unlink()
    assert audit.verify(edu_home).problems[0].startswith("the log ends at seq 0")


def test_a_chain_written_anew_with_the_key_is_found_by_the_head_kept_elsewhere(edu_home: Home, tmp_path: Path) -> None:
    write(edu_home, 3)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(audit.head_path(edu_home).read_bytes())
    audit.log_path(edu_home).unlink()
    audit.head_path(edu_home).unlink()
    for number in range(3):
        audit.append(edu_home, "vault.reveal", "officer-9", "另有说法", f"case-{number}")
    assert audit.verify(edu_home).is_whole
    assert "exported head 3 is not in the log: the chain was written anew" in audit.verify(edu_home, kept).problems


def test_a_torn_last_line_is_dropped_and_said(edu_home: Home) -> None:
    write(edu_home, 2)
    with audit.log_path(edu_home).open("ab") as stream:
        stream.write(b'{"seq":3,"at"')
    assert audit.verify(edu_home).problems == ["the last line is unfinished"]
    entry = audit.append(edu_home, "vault.reveal", "officer-1", "核查", "case-x")
    assert (entry["seq"], entry["details"]) == (3, {"torn_bytes_dropped": 13})
    assert audit.verify(edu_home).is_whole


@pytest.mark.parametrize(
    "subject", ["420103201201010013", "G420103201201010013", "tel 13800000000", "42010320120101001x"]
)
def test_identifiers_are_refused(edu_home: Home, subject: str) -> None:
    with pytest.raises(audit.AuditValueError) as caught:
        audit.append(edu_home, "vault.reveal", "officer-1", "核查", subject)
    assert subject not in str(caught.value)
    with pytest.raises(audit.AuditValueError):
        audit.append(edu_home, "vault.reveal", "officer-1", "核查", "case-1", {"seen": [subject]})
    assert audit.entries(edu_home) == []


def test_actor_and_reason_are_needed(edu_home: Home) -> None:
    with pytest.raises(audit.AuditReasonError):
        audit.append(edu_home, "vault.reveal", " ", "核查", "case-1")
    with pytest.raises(audit.AuditReasonError):
        audit.append(edu_home, "vault.reveal", "officer-1", "", "case-1")


def _append_many(root: str, count: int) -> None:
    os.environ["EDU_HOME"] = root
    get_settings.cache_clear()
    write(Home(Path(root)), count)


def test_many_processes_write_one_chain(edu_home: Home) -> None:
    write(edu_home, 1)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(_append_many, [str(edu_home.root)] * 3, [15] * 3))
    report = audit.verify(edu_home)
    assert (report.is_whole, report.entries) == (True, 46)


def test_the_head_goes_where_the_setting_says(edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_AUDIT_HEAD_DIR", str(tmp_path / "elsewhere"))
    get_settings.cache_clear()
    write(edu_home, 1)
    head = json.loads((tmp_path / "elsewhere" / "audit-head.jsonl").read_text())
    assert head["mac"] == audit.entries(edu_home)[0]["mac"]


def test_entries_cut_off_stay_found_after_others_are_appended(edu_home: Home) -> None:
    write(edu_home, 5)
    put(edu_home, lines(edu_home)[:3])
    write(edu_home, 4)
    assert audit.verify(edu_home).problems == [
        f"exported head {number} is not in the log: the chain was written anew" for number in (4, 5)
    ]


def test_a_last_entry_of_which_a_byte_was_taken_stays_found(edu_home: Home) -> None:
    write(edu_home, 3)
    audit.log_path(edu_home).write_bytes(audit.log_path(edu_home).read_bytes()[:-1])
    write(edu_home, 2)
    assert audit.verify(edu_home).problems == ["exported head 3 is not in the log: the chain was written anew"]


def restore(home: Home, end: int) -> None:
    """Go back to an end of the log as a restore does."""
    put(home, lines(home)[:end])
    audit.append(home, "restore", "operator", "恢复", "b1")


def test_a_restore_explains_what_was_exported_after_its_end_and_it_stays_listed(edu_home: Home) -> None:
    write(edu_home, 5)
    restore(edu_home, 3)
    write(edu_home, 3)
    report = audit.verify(edu_home)
    assert report.problems == []
    [line] = report.explained
    assert "b1 by operator" in line
    assert "went back to seq 3: 2 exported entries, to seq 5, are lost" in line


def test_a_restore_explains_neither_a_later_nor_an_earlier_cut(edu_home: Home) -> None:
    write(edu_home, 5)
    restore(edu_home, 3)
    write(edu_home, 3)
    put(edu_home, lines(edu_home)[:5])
    write(edu_home, 2)
    report = audit.verify(edu_home)
    # 6 and 7 were cut off after the restore; 4 and 5 went with it.
    assert [problem.split(" is ")[0] for problem in report.problems] == ["exported head 6", "exported head 7"]
    assert len(report.explained) == 1
    put(edu_home, lines(edu_home)[:2])
    write(edu_home, 1)
    restore(edu_home, 3)
    # Entry 3 was cut off before the second restore; without its entry the first restore explains nothing.
    assert "exported head 3 is not in the log: the chain was written anew" in audit.verify(edu_home).problems
