"""The drop folder: what is still being written is left alone, what never ends is reported, what comes meanwhile stays."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from bundles import oneroster_12, write_folder, write_zip
from rosters import pupil, write_roster

from edu.paths import Home
from edu.settings import get_settings
from ingest import landing
from ingest.examination import Examination
from ingest.inbox import count_never_completed, plan, read_plan
from ingest.landing import collect
from ingest.replay import verify
from ingest.submission import Options

FOLDER = Path("421002") / "student" / "2024-2025-1"


def statuses(home: Home) -> list[str]:
    return [receipt.status for receipt in collect([home.inbox], home=home, options=Options()).receipts]


@pytest.mark.parametrize("suffix", [".part", ".tmp", ".crdownload", ".FilePart", ".uploading"])
def test_names_of_unfinished_files_are_left_until_renamed(edu_home: Home, suffix: str) -> None:
    done = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    unfinished = write_roster(edu_home.inbox / FOLDER / f"b.csv{suffix}", [pupil(3)])
    assert statuses(edu_home) == ["accepted"]
    assert not done.exists()
    assert unfinished.exists()
    unfinished.rename(done.with_name("b.csv"))
    assert statuses(edu_home) == ["accepted"]
    assert not any(path.is_file() for path in edu_home.inbox.rglob("*"))


@pytest.mark.parametrize("name", ["~$a.csv", ".a.csv.Xy12Zq", ".~lock.a.csv#"])
def test_what_programs_lay_beside_a_file_is_no_delivery(edu_home: Home, name: str) -> None:
    beside = write_roster(edu_home.inbox / FOLDER / name, [pupil(3)])
    assert plan(edu_home) == []
    write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    assert statuses(edu_home) == ["accepted"]
    assert beside.exists()


def test_a_copy_that_keeps_the_time_of_its_original_is_left_while_it_grows(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0.4")
    get_settings.cache_clear()
    path = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    stop = threading.Event()

    def copy_on() -> None:
        while not stop.wait(0.05):
            with path.open("a", encoding="utf-8") as stream:
                stream.write(" ")
            os.utime(path, (time.time() - 9000, time.time() - 9000))

    copy_on_once = threading.Thread(target=copy_on)
    copy_on_once.start()
    try:
        time.sleep(0.2)
        assert plan(edu_home) == []
    finally:
        stop.set()
        copy_on_once.join()
    time.sleep(0.5)
    assert len(plan(edu_home)) == 1


def test_a_folder_is_left_while_files_still_come(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0.5")
    get_settings.cache_clear()
    folder = edu_home.inbox / "421002" / "oneroster" / "2024-2025-1" / "b"
    files = oneroster_12()
    write_folder(folder, {name: files[name] for name in ("manifest", "orgs", "users")})
    later = threading.Timer(
        0.2, lambda: shutil.move(str(write_folder(edu_home.root / "aside", files) / "roles.csv"), folder)
    )
    later.start()
    assert plan(edu_home) == []
    later.join()


def test_a_growing_file_is_left_until_it_stands_still(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_SETTLE_SECONDS", "0.4")
    get_settings.cache_clear()
    path = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    still = write_roster(edu_home.inbox / FOLDER / "b.csv", [pupil(5)])
    os.utime(still, (time.time() - 60, time.time() - 60))
    stop = threading.Event()

    def write_on() -> None:
        while not stop.wait(0.05):
            with path.open("a", encoding="utf-8") as stream:
                stream.write(" ")

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        assert [item.name for number in plan(edu_home) for item in read_plan(edu_home, number)] == ["b.csv"]
    finally:
        stop.set()
        writer.join()
    time.sleep(0.5)
    assert len([item for number in plan(edu_home) for item in read_plan(edu_home, number)]) == 2


def test_a_zip_without_its_end_is_left_and_reported_when_old(edu_home: Home, tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "b.zip", oneroster_12()).read_bytes()
    folder = edu_home.inbox / "421002" / "oneroster" / "2024-2025-1"
    folder.mkdir(parents=True)
    path = folder / "b.zip"
    path.write_bytes(whole[:-30])
    assert statuses(edu_home) == []
    assert count_never_completed(edu_home) == 0
    os.utime(path, (time.time() - 3700, time.time() - 3700))
    assert count_never_completed(edu_home) == 1
    path.write_bytes(whole)
    assert count_never_completed(edu_home) == 0
    assert statuses(edu_home).count("accepted") == 3


def test_a_marker_is_waited_for_where_configured(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_DONE_SUFFIX", ".done")
    get_settings.cache_clear()
    path = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    assert statuses(edu_home) == []
    path.with_name("a.csv.done").touch()
    assert statuses(edu_home) == ["accepted"]
    assert not any(item.is_file() for item in edu_home.inbox.rglob("*"))


def test_what_replaces_a_file_while_it_lands_is_the_next_delivery(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    whole = landing.Batch.land

    def replaced(self: Any) -> Any:
        receipts = whole(self)
        aside = write_roster(path.with_name("new.tmp"), [pupil(1), pupil(3)])
        aside.replace(path)
        return receipts

    monkeypatch.setattr(landing.Batch, "land", replaced)
    assert statuses(edu_home) == ["accepted"]
    assert path.exists()
    monkeypatch.setattr(landing.Batch, "land", whole)
    result = collect([edu_home.inbox], home=edu_home, options=Options())
    assert [(receipt.status, receipt.rows_read) for receipt in result.receipts] == [("accepted", 2)]
    assert not path.exists()


@pytest.mark.parametrize(
    ("owner", "step"), [(landing.Batch, "_archive"), (landing.Batch, "examine"), (Examination, "run")]
)
@pytest.mark.parametrize("is_gone", [False, True])
def test_what_changes_before_its_landing_counts_is_left_and_nothing_else(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, is_gone: bool
) -> None:
    """At each step of a landing: the archive holds what its hash says, and the lake what the archive holds."""
    path = write_roster(edu_home.inbox / FOLDER / "a.csv", [pupil(1)])
    write_roster(edu_home.inbox / FOLDER / "b.csv", [pupil(5, school_code="2142000002")])
    whole = getattr(owner, step)
    calls = []

    def replaced(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1 and is_gone:
            path.unlink()
        elif len(calls) == 1:
            write_roster(path, [pupil(1), pupil(3)])
        return whole(self, *arguments)

    monkeypatch.setattr(owner, step, replaced)
    result = collect([edu_home.inbox], home=edu_home, options=Options())
    assert sorted((Path(receipt.file).name, receipt.status) for receipt in result.receipts) == [
        ("a.csv", "failed"),
        ("b.csv", "accepted"),
    ]
    assert path.exists() is not is_gone
    assert verify(edu_home).differing == []
    again = collect([edu_home.inbox], home=edu_home, options=Options())
    assert [(r.status, r.rows_read) for r in again.receipts] == ([] if is_gone else [("accepted", 2)])
    assert verify(edu_home).differing == []


def test_an_empty_inbox_is_no_mistake_but_an_empty_folder_is(edu_home: Home) -> None:
    assert collect([edu_home.inbox], home=edu_home, options=Options()).exit_code == 0
    assert collect([edu_home.outbox], home=edu_home, options=Options()).exit_code == 2
