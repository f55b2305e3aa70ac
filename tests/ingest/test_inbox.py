"""What lies in the drop folder: every file is taken by exactly one source or left, and no stray stops the others."""

from __future__ import annotations

import json
import logging
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from bundles import manifest, oneroster_12, write_folder, write_zip
from rosters import SCHOOL, header, pupil, write_roster

from edu.batches import file_sha256
from edu.codes import SEEDS
from edu.contract import get_contract
from edu.paths import Home
from edu.pseudonym import load_key
from ingest import archive, landing, replay
from ingest.inbox import discover, plan, read_plan
from ingest.landing import collect, land_plan
from ingest.receipt import CollectResult
from ingest.submission import Options

TERM = Path("421002") / "oneroster" / "2024-2025-1"
STUDENTS = Path("421002") / "student" / "2024-2025-1"
BUNDLE = [("class", "accepted"), ("school", "rejected"), ("staff", "accepted"), ("student", "accepted")]
"""What becomes of the bundle: a registry row without its mandatory fields is not accepted, the others are."""


def take_in(home: Home, path: Path | None = None, options: Options | None = None) -> CollectResult:
    return collect([path or home.inbox], home=home, options=options or Options())


def became(home: Home, result: CollectResult) -> list[tuple[str, str | None, str]]:
    """Return path below the inbox, dataset and status of each receipt."""
    return sorted(
        (Path(each.file).relative_to(home.inbox).as_posix(), each.dataset, each.status) for each in result.receipts
    )


def left(home: Home) -> list[str]:
    return sorted(path.relative_to(home.inbox).as_posix() for path in home.inbox.rglob("*") if path.is_file())


def write_parquet(path: Path, pupils: int) -> Path:
    """Write pupils without their school, which the folder says."""
    contract = get_contract("student")
    names = [spec.name for spec in contract.profile_fields("national_export")]
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = " union all ".join(
        "select "
        + ", ".join(
            f"'{row[name] or ''}' as \"{text}\""
            for name, text in zip(names, header(), strict=True)
            if name != "school_code"
        )
        for row in (pupil(serial) for serial in range(1, 2 * pupils, 2))
    )
    duckdb.execute(f"copy ({rows}) to '{path}' (format parquet)")
    return path


def test_what_lies_below_and_beside_a_roster_is_not_lost(edu_home: Home) -> None:
    folder = write_folder(edu_home.inbox / TERM, oneroster_12())
    below = write_roster(folder / "more" / "学生.csv", [pupil(n) for n in (1, 3, 5, 7, 9)])
    beside = write_roster(folder / "学生.csv", [pupil(n) for n in (11, 13)])
    beside.with_name("学生.csv.meta.json").write_text(
        json.dumps({"dataset": "student", "org": "421002", "period": "2024-2025/1", "coverage": "partial"})
    )
    assert became(edu_home, take_in(edu_home)) == sorted(
        [
            *((TERM.as_posix(), *each) for each in BUNDLE),
            # Nothing says of which dataset the one below is; a sidecar says it of the other.
            ((TERM / "more/学生.csv").as_posix(), None, "failed"),
            ((TERM / "学生.csv").as_posix(), "student", "accepted"),
        ],
        key=lambda each: (each[0], each[1] or "", each[2]),
    )
    assert left(edu_home) == [below.relative_to(edu_home.inbox).as_posix()]
    again = take_in(edu_home, below, Options("student", "421002", "2024-2025/1", coverage="partial"))
    assert [(each.status, each.rows_accepted) for each in again.receipts] == [("accepted", 5)]
    assert list(edu_home.inbox.iterdir()) == []


def test_only_the_files_of_a_roster_are_its_parts(edu_home: Home) -> None:
    """A file that only its manifest names is one of them; the bytes of a clean bundle keep the id that they had."""
    files = oneroster_12()
    files["manifest"].append(["file.clubs", "bulk"])
    folder = write_folder(edu_home.inbox / TERM / "b", {**files, "clubs": [["sourcedId"], ["1"]]})
    rows = (folder / "manifest.csv").read_text(encoding="utf-8")
    (folder / "manifest.csv").write_text(rows.replace(",", ";"), encoding="utf-16")
    write_roster(folder / "student.csv", [pupil(1)])
    (folder / "说明.txt").write_text("读我", encoding="utf-8")
    result = take_in(edu_home)
    [identity] = [each.submission_id for each in result.receipts if each.dataset == "class"]
    parts = archive.read_manifest(edu_home, str(identity))["parts"]
    assert [part["name"] for part in parts] == sorted(f"{name}.csv" for name in (*files, "clubs"))
    assert left(edu_home) == sorted((TERM / "b" / name).as_posix() for name in ("student.csv", "说明.txt"))


def test_a_second_roster_lies_in_the_folder_of_the_first(edu_home: Home) -> None:
    write_folder(edu_home.inbox / TERM, oneroster_12())
    second = oneroster_12()
    second["users"][1][5] = "晓明"
    write_folder(edu_home.inbox / TERM / "second", second)
    taken = became(edu_home, take_in(edu_home))
    assert [each[0] for each in taken] == [TERM.as_posix()] * 4 + [(TERM / "second").as_posix()] * 4
    assert left(edu_home) == []


@pytest.mark.parametrize("place", [Path(), Path("421002"), STUDENTS.parent])
def test_stray_files_of_a_roster_do_not_make_their_folder_one(edu_home: Home, place: Path) -> None:
    strays = [edu_home.inbox / place / name for name in ("orgs.csv", "users.csv")]
    write_roster(edu_home.inbox / STUDENTS / "学生.csv", [pupil(1)])
    for stray in strays:
        stray.write_text("sourcedId\n1\n", encoding="utf-8")
    taken = became(edu_home, take_in(edu_home))
    assert sorted(each[1:] for each in taken if each[1]) == [("student", "accepted")]
    assert [each[2] for each in taken if not each[1]] == ["failed", "failed"]
    assert left(edu_home) == sorted(stray.relative_to(edu_home.inbox).as_posix() for stray in strays)


@pytest.mark.parametrize("name", ["v=1", "421002/v=1", "421002/student/版本=1", "421002/student/2024-2025-1/版本=1"])
def test_a_sign_of_equality_makes_no_partitions(edu_home: Home, name: str) -> None:
    write_roster(edu_home.inbox / STUDENTS / "学生.csv", [pupil(1)])
    stray = write_roster(edu_home.inbox / name / "学生.csv", [pupil(3)])
    write_parquet(stray.with_name("学生.parquet"), 1)
    assert sorted(each[1:] for each in became(edu_home, take_in(edu_home)) if each[1]) == [("student", "accepted")]
    assert left(edu_home) == [f"{name}/学生.csv", f"{name}/学生.parquet"]


@pytest.mark.parametrize("name", [None, "下发", "2024年=新/下发"])
def test_partitions_of_a_field_are_one_submission(edu_home: Home, name: str | None) -> None:
    """At the period's folder, in a folder of its own, and where a sidecar says what a folder elsewhere is."""
    folder = edu_home.inbox / STUDENTS / (name or "")
    write_parquet(folder / f"school_code={SCHOOL}" / "0.parquet", 3)
    write_parquet(folder / "学校标识码=2142000002" / "0.parquet", 2)
    beside = write_roster(folder / "学生.csv", [pupil(21)])
    if name and "/" in name:
        folder.with_name(folder.name + ".meta.json").write_text(
            json.dumps({"dataset": "student", "org": "421002", "period": "2024-2025/1"})
        )
    result = take_in(edu_home)
    [whole] = [each for each in result.receipts if Path(each.file) == folder]
    assert (whole.status, whole.dataset, whole.rows_read, whole.rows_accepted) == ("accepted", "student", 5, 5)
    [other] = [each for each in result.receipts if Path(each.file) == beside]
    # In the period's folder it is a delivery of its own; deeper nothing says what it is.
    assert other.status == ("failed" if name else "accepted")
    assert left(edu_home) == ([beside.relative_to(edu_home.inbox).as_posix()] if name else [])
    schools = duckdb.execute(
        f"select school_code, count(*) from read_parquet('{edu_home.lake}/student/*/b*.parquet') "
        f"where submission_id = '{whole.submission_id}' group by all order by all"
    ).fetchall()
    assert schools == [(SCHOOL, 3), ("2142000002", 2)]


def test_a_part_that_is_no_parquet_is_not_left_out_without_a_word(edu_home: Home) -> None:
    folder = edu_home.inbox / STUDENTS / "下发"
    write_parquet(folder / f"school_code={SCHOOL}" / "0.parquet", 3)
    write_roster(folder / "school_code=2142000002" / "0.csv", [pupil(21)])
    assert became(edu_home, take_in(edu_home)) == [((STUDENTS / "下发").as_posix(), "student", "rejected")]
    assert left(edu_home) == []


def test_plans_name_each_source_once(edu_home: Home) -> None:
    folder = write_folder(edu_home.inbox / TERM, oneroster_12())
    write_roster(folder / "more" / "学生.csv", [pupil(1)])
    write_roster(folder / "学生.csv", [pupil(3)])
    write_roster(edu_home.inbox / STUDENTS / "学生.csv", [pupil(5)])
    numbers = plan(edu_home, 16)
    paths = [path for number in numbers for path in read_plan(edu_home, number)]
    assert sorted(paths) == sorted(
        [folder, folder / "more" / "学生.csv", folder / "学生.csv", edu_home.inbox / STUDENTS / "学生.csv"]
    )
    taken = [each for number in numbers for each in became(edu_home, land_plan(edu_home, number))]
    assert sorted(each[2] for each in taken) == ["accepted"] * 4 + ["failed"] * 2 + ["rejected"]
    assert left(edu_home) == [(TERM / "more/学生.csv").as_posix(), (TERM / "学生.csv").as_posix()]


def test_a_folder_that_is_named_is_what_it_looks_like(edu_home: Home, tmp_path: Path) -> None:
    """Also where the inbox by itself would not take it as one; outside the inbox with all that lies in it."""
    options = Options(org="421002", period="2024-2025/1")
    folder = write_folder(edu_home.inbox / "export", oneroster_12())
    assert [each.status for each in take_in(edu_home).receipts] == ["failed"] * 8
    assert [each[1:] for each in became(edu_home, take_in(edu_home, folder, options))] == BUNDLE
    assert left(edu_home) == []
    elsewhere = write_folder(tmp_path / "export", oneroster_12())
    (elsewhere / "readme.txt").write_text("see the manifest", encoding="utf-8")
    [source] = discover(elsewhere, edu_home.inbox)
    assert len(source.parts) == 9
    write_parquet(tmp_path / "parts" / f"school_code={SCHOOL}" / "0.parquet", 2)
    [source] = discover(tmp_path / "parts", edu_home.inbox)
    assert source.parts[0].constants == (("school_code", SCHOOL),)


def other_version(path: Path) -> Path:
    return write_zip(path, {**oneroster_12(), "manifest": manifest(version="2.0")})


def bomb(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("manifest.csv", "propertyName,value\noneroster.version,1.2\n")
        for name in ("orgs", "users", "classes"):
            out.writestr(f"{name}.csv", b"0" * (30 << 20))
    return path


def locked(path: Path) -> Path:
    """Write a bundle whose entries say that they are encrypted: bit 0 of the flags, at 6 and at 8 bytes."""
    content = bytearray(write_zip(path, oneroster_12()).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(mark, at + 4)
    path.write_bytes(content)
    return path


def broken(path: Path) -> Path:
    """Write a bundle in which the packed bytes of the manifest are no packed bytes."""
    content = bytearray(write_zip(path, oneroster_12()).read_bytes())
    with zipfile.ZipFile(path) as out:
        at = out.getinfo("manifest.csv").header_offset + 30 + len("manifest.csv")
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    return path


def lacking(path: Path) -> Path:
    files = oneroster_12()
    del files["users"]
    return write_folder(path.with_suffix(""), files)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (other_version, "bundle_inconsistent"),
        (bomb, "file_too_large"),
        (locked, "workbook_encrypted"),
        (broken, "bundle_inconsistent"),
        (lacking, "bundle_inconsistent"),
    ],
)
def test_the_sender_of_a_refused_bundle_is_told(
    edu_home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture, write: Callable[[Path], Path], reason: str
) -> None:
    caplog.set_level(logging.DEBUG)
    made = write(tmp_path / "made" / "王小明.zip")
    path = edu_home.inbox / TERM / made.name
    path.parent.mkdir(parents=True)
    made.rename(path)
    result = take_in(edu_home)
    datasets = ["class", "school", "staff", "student"]
    assert became(edu_home, result) == [((TERM / made.name).as_posix(), name, "rejected") for name in datasets]
    assert left(edu_home) == []
    records = duckdb.execute(
        "select dataset, submitter_org, period, status, reason_code, rows_read, profile "
        f"from read_parquet('{edu_home.runs}/submission/*.parquet') order by dataset"
    ).fetchall()
    assert records == [(name, "421002", "2024-2025/1", "rejected", reason, 0, "oneroster") for name in datasets]
    found = duckdb.execute(
        f"select dataset, reason_code, severity from read_parquet('{edu_home.runs}/finding/*.parquet') order by dataset"
    ).fetchall()
    assert found == [(name, reason, "reject") for name in datasets]
    identities = [str(each.submission_id) for each in result.receipts]
    outbox = [each.name for each in (edu_home.outbox / "421002").iterdir()]
    assert sorted(name.rpartition("_")[2] for name in outbox) == sorted(
        f"{identity}{suffix}" for identity in identities for suffix in (".json", ".xlsx")
    )
    # The name stands in the archive's manifest, which is private, and nowhere else.
    assert archive.read_manifest(edu_home, identities[0])["original_name"] == made.name
    assert "王小明" not in caplog.text
    assert not any("王小明" in str(each) for each in edu_home.root.rglob("*"))
    plain = [each for folder in (edu_home.runs, edu_home.outbox) for each in folder.rglob("*") if each.is_file()]
    assert not any("王小明".encode() in each.read_bytes() for each in plain)
    assert not list(edu_home.lake.glob("*/*/b*.parquet"))


def test_a_refused_bundle_is_known_again(edu_home: Home, tmp_path: Path) -> None:
    """Sent again it is the same; mended it is a delivery; the archive gives it back and it is refused again."""
    refused = other_version(tmp_path / "王小明.zip")
    place = edu_home.inbox / TERM / "b.zip"
    place.parent.mkdir(parents=True)
    for expected in ("rejected", "ignored"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(refused.read_bytes())
        assert [each.status for each in take_in(edu_home).receipts] == [expected] * 4
        assert left(edu_home) == []
    [identity] = duckdb.execute(
        f"select submission_id from read_parquet('{edu_home.runs}/submission/*.parquet') where dataset = 'staff'"
    ).fetchone() or [None]
    digest = file_sha256(refused)
    archive.restore(edu_home, load_key(edu_home), digest, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == refused.read_bytes()
    checked = replay.verify(edu_home)
    assert (checked.submissions, checked.differing) == (4, [])
    assert replay.give_feedback(edu_home, str(identity)) is not None
    write_zip(place, oneroster_12())
    assert sorted(each.status for each in take_in(edu_home, place).receipts) == ["accepted"] * 3 + ["rejected"]


def test_a_refused_bundle_of_nobody_is_left(edu_home: Home, tmp_path: Path) -> None:
    place = edu_home.inbox / "王小明.zip"
    place.write_bytes(other_version(tmp_path / "made.zip").read_bytes())
    [receipt] = take_in(edu_home).receipts
    assert (receipt.status, receipt.submission_id) == ("failed", None)
    assert "1.1 or 1.2" in str(receipt.message)
    assert left(edu_home) == ["王小明.zip"]


def test_a_refused_bundle_is_only_of_what_its_files_are(edu_home: Home, tmp_path: Path) -> None:
    files = {"manifest": manifest(version="2.0"), "orgs": oneroster_12()["orgs"]}
    folder = write_folder(tmp_path / "b", files)
    result = take_in(edu_home, folder, Options(org="421002", period="2024-2025/1"))
    assert [(each.dataset, each.status) for each in result.receipts] == [("school", "rejected")]


@pytest.mark.parametrize("bundle", [False, True])
def test_a_file_that_two_paths_lead_to_is_landed_once(edu_home: Home, bundle: bool) -> None:
    if bundle:
        path = write_folder(edu_home.inbox / TERM, oneroster_12())
        paths = [path / "users.csv", edu_home.inbox, path]
    else:
        path = write_roster(edu_home.inbox / STUDENTS / "student.csv", [pupil(1)])
        paths = [edu_home.inbox, edu_home.inbox / "421002", path, path.parent / "../2024-2025-1/student.csv"]
    result = collect(paths, home=edu_home, options=Options())
    wanted = [each for each in BUNDLE] if bundle else [("student", "accepted")]
    assert sorted((each.dataset, each.status) for each in result.receipts) == sorted(wanted)
    assert left(edu_home) == []


def test_what_takes_the_place_of_a_known_file_while_it_is_looked_at_stays(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_roster(edu_home.inbox / STUDENTS / "a.csv", [pupil(1)])
    take_in(edu_home)
    write_roster(path, [pupil(1)])

    def slowly(*_: object) -> None:
        write_roster(path, [pupil(1), pupil(3)])

    monkeypatch.setattr(landing, "_make_up_feedback", slowly)
    assert [each.status for each in take_in(edu_home).receipts] == ["ignored"]
    assert left(edu_home) == [path.relative_to(edu_home.inbox).as_posix()]
    monkeypatch.undo()
    assert [(each.status, each.rows_accepted) for each in take_in(edu_home).receipts] == [("accepted", 2)]


def test_files_of_one_dataset_are_no_roster_by_their_names(edu_home: Home) -> None:
    folder = edu_home.inbox / STUDENTS
    write_parquet(folder / f"学校标识码={SCHOOL}" / "a.parquet", 2)
    write_roster(folder / "student.csv", [pupil(11)])
    write_roster(folder / "school.csv", [pupil(31)])
    numbers = plan(edu_home)
    landed = [each for number in numbers for each in land_plan(edu_home, number).receipts]
    assert sorted((each.dataset, each.status, each.rows_accepted) for each in landed) == [
        ("student", "accepted", 1),
        ("student", "accepted", 1),
        ("student", "accepted", 2),
    ]
    assert left(edu_home) == []
    write_roster(folder / "student.csv", [pupil(13)])
    write_roster(folder / "school.csv", [pupil(33)])
    assert [each.status for each in take_in(edu_home, folder).receipts] == ["accepted", "accepted"]


def test_what_a_writer_of_parts_notes_beside_them_is_no_data(edu_home: Home) -> None:
    folder = edu_home.inbox / STUDENTS
    write_parquet(folder / f"学校标识码={SCHOOL}" / "part-0.parquet", 2)
    for name in ("_SUCCESS", f"学校标识码={SCHOOL}/_SUCCESS", f"学校标识码={SCHOOL}/_committed_42"):
        (folder / name).write_bytes(b"")
    assert [(each.status, each.rows_accepted) for each in take_in(edu_home).receipts] == [("accepted", 2)]
    assert take_in(edu_home).receipts == []


def test_bytes_that_another_code_of_the_school_superseded_count_again(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = "2142000099"
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    with (seeds / "school_code_change.csv").open("a", encoding="utf-8") as lines:
        lines.write(f"{SCHOOL},{first},2024-06-01,批复\n")
    monkeypatch.setattr(landing, "SEEDS", seeds)
    old = write_roster(tmp_path / "old.csv", [pupil(1, school_code=first)])
    new = write_roster(tmp_path / "new.csv", [pupil(1), pupil(3)])
    options = Options("student", "421002", "2024-2025/1")
    sent = [take_in(edu_home, path, options).receipts[0].status for path in (old, old, new, new, old, old)]
    assert sent == ["accepted", "ignored", "accepted", "ignored", "accepted", "ignored"]


def test_a_name_that_is_not_utf_8_stops_no_other_file(edu_home: Home) -> None:
    """Archives of a Chinese Windows give such names; file and others go their ways, by a plan too."""
    clean = write_roster(edu_home.inbox / STUDENTS / "a.csv", [pupil(1)])
    odd = write_roster(clean.with_name("b.csv"), [pupil(3)])
    odd = odd.rename(odd.with_name(os.fsdecode("在校生.csv".encode("gb18030"))))
    for _ in range(2):
        numbers = plan(edu_home)
        told = [each for number in numbers for each in land_plan(edu_home, number).receipts]
        assert [(Path(each.file).name, each.status) for each in told if each.message and "UTF-8" in each.message] == [
            ("在校生.csv", "failed")
        ]
        json.dumps([each.message for each in told], ensure_ascii=False).encode()
        assert not clean.exists()
        assert odd.exists()
    odd.rename(odd.with_name("在校生.csv"))
    assert [each.status for each in take_in(edu_home).receipts] == ["accepted"]
    assert left(edu_home) == []
