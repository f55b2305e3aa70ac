"""Rosters of other systems: one bundle feeds several datasets through the same path, bulk and delta, folder and zip."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from bundles import SCHOOL, Files, manifest, oneroster_12, write_folder, write_zip

from edu.errors import ExitCode
from edu.paths import Home
from edu.pseudonym import load_key, pseudonyms
from edu.settings import PROJECT_ROOT
from ingest import landing
from ingest.landing import collect
from ingest.receipt import CollectResult, Receipt
from ingest.replay import verify
from ingest.roster import form_of
from ingest.submission import Options

OPTIONS = Options(org="421002", period="2024-2025/1")
SAMPLES = PROJECT_ROOT.parent / "shared" / "data" / "sds_csv_samples"


def land(home: Home, path: Path, options: Options = OPTIONS) -> CollectResult:
    return collect([path], home=home, options=options)


def by_dataset(result: CollectResult) -> dict[str | None, Receipt]:
    return {receipt.dataset: receipt for receipt in result.receipts}


def rows(home: Home, dataset: str, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {columns} from read_parquet('{home.lake}/{dataset}/*/b*.parquet') order by all"
    ).fetchall()


def counts(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.rows_read, receipt.rows_accepted, receipt.rows_quarantined


def key_of(home: Home, value: str) -> str:
    return f"oneroster@system:{pseudonyms(load_key(home), 'oneroster@system', [value])[0]}"


def test_one_bundle_feeds_four_datasets(edu_home: Home, tmp_path: Path) -> None:
    result = land(edu_home, write_folder(tmp_path / "b", oneroster_12()))
    found = by_dataset(result)
    assert {name: counts(receipt) for name, receipt in found.items()} == {
        "school": (1, 0, 1),
        "class": (2, 2, 0),
        "staff": (2, 2, 0),
        "student": (3, 3, 0),
    }
    assert len({receipt.submission_id for receipt in result.receipts}) == 4
    receipts = duckdb.execute(
        "select count(*), count(distinct sha256), count(distinct received_at), list(distinct profile) "
        f"from read_parquet('{edu_home.runs}/submission/*.parquet')"
    ).fetchone()
    assert receipts == (4, 1, 1, ["oneroster"])
    # The official code of the school is its identifier; a foreign grade is translated; a lesson is no class.
    assert rows(edu_home, "class", "school_code, class_code, class_name, grade_code") == [
        (SCHOOL, "k1", "2019级1班", "16"),
        (SCHOOL, "k2", "2019级2班", "16"),
    ]
    assert rows(edu_home, "student", "sourced_id_key = row_key, grade_code, class_code, sex_code, status_code") == [
        (True, "16", "k1", "1", "01"),
        (True, "16", "k2", "2", "01"),
        (True, "16", "k2", "9", "01"),
    ]
    assert rows(edu_home, "staff", "school_code, staff_category_code, staff_no_key is not null") == [
        (SCHOOL, "11", True),
        # The primary role decides: a principal who teaches too is administration.
        (SCHOOL, "13", True),
    ]
    keys = {row[0] for row in rows(edu_home, "student", "row_key")}
    assert keys == {key_of(edu_home, f"lms-one/{user}") for user in ("u1", "u2", "u3")}


def test_nothing_of_password_or_foreign_ethnicity_is_kept_in_the_clear(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, write_folder(tmp_path / "b", oneroster_12()))
    kept = b"".join(path.read_bytes() for path in edu_home.root.rglob("*") if path.is_file())
    assert b"Secret-" not in kept
    assert rows(edu_home, "student", "ethnicity_code") == [(None,)] * 3


def test_a_zip_with_a_folder_inside_is_the_same_roster(edu_home: Home, tmp_path: Path) -> None:
    result = land(edu_home, write_zip(tmp_path / "b.zip", oneroster_12(), "export 2024/"))
    assert {name: receipt.rows_accepted for name, receipt in by_dataset(result).items()} == {
        "school": 0,
        "class": 2,
        "staff": 2,
        "student": 3,
    }
    again = by_dataset(land(edu_home, tmp_path / "b.zip"))
    assert {again[name].status for name in ("class", "staff", "student")} == {"ignored"}


def test_oneroster_11_names_organisations_and_role_with_the_user(edu_home: Home, tmp_path: Path) -> None:
    files = oneroster_12()
    roles = {row[3]: row[5] for row in files.pop("roles")[1:] if row[4] == "primary"}
    header, *users = files["users"]
    files["users"] = [[*header, "role", "orgSourcedIds"], *([*row, roles[row[0]], "o1,o2"] for row in users)]
    files["orgs"].append(["o2", "", "", "第二小学", "school", "2142000002", "d1"])
    files["manifest"] = [row for row in manifest(version="1.1") if row[0] != "file.roles"]
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    # Each pupil is one row in each of two schools; u3 has its grade from its class, which is in the first.
    assert counts(found["student"]) == (6, 5, 1)
    assert rows(edu_home, "student", "distinct school_code") == [(SCHOOL,), ("2142000002",)]
    assert [row[0] for row in rows(edu_home, "student", "count(class_code)")] == [3]


def test_headers_may_be_spelled_otherwise(edu_home: Home, tmp_path: Path) -> None:
    files = oneroster_12()
    for name in ("users", "classes", "orgs", "roles"):
        files[name][0] = [f" {header.upper()} " for header in files[name][0]]
    files["enrollments"][0] = ["Sourced_ID", "Status", "x", "class sourced id", "School SourcedId", "USER_SOURCED_ID",
                               "ROLE", "Primary", "begin-date", "end.date"]  # fmt: skip
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    assert [found[name].rows_accepted for name in ("class", "staff", "student")] == [2, 2, 3]
    assert rows(edu_home, "student", "class_code") == [("k1",), ("k2",), ("k2",)]


def delta() -> Files:
    """Return a change: u1 moved to class k2, u2 is gone, class k1 is gone."""
    full = oneroster_12()
    gone = [*full["users"][2]]
    gone[1] = "tobedeleted"
    role = [*full["roles"][2]]
    role[1] = "tobedeleted"
    old_class = [*full["classes"][1]]
    old_class[1] = "tobedeleted"
    moved = ["e8", "active", "", "k2", "o1", "u1", "student", "", "2024-10-01", ""]
    return {
        "manifest": manifest("delta", courses="bulk", demographics="absent"),
        "orgs": full["orgs"],
        "classes": [full["classes"][0], old_class, full["classes"][2]],
        "users": [full["users"][0], full["users"][1], gone],
        "roles": [full["roles"][0], full["roles"][1], role],
        "enrollments": [full["enrollments"][0], moved],
        "courses": full["courses"],
    }


def test_a_delta_says_what_changed_and_what_is_gone(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, write_folder(tmp_path / "b", oneroster_12()))
    result = land(edu_home, write_folder(tmp_path / "d", delta()))
    found = by_dataset(result)
    assert {name: counts(found[name])[:2] for name in ("class", "student")} == {"class": (2, 2), "student": (2, 2)}
    assert duckdb.execute(
        f"select distinct coverage from read_parquet('{edu_home.runs}/submission/*.parquet') where dataset = 'student'"
        " order by 1"
    ).fetchall() == [("delta",), ("full",)]
    later = f"submission_id = '{found['student'].submission_id}'"
    table = f"read_parquet('{edu_home.lake}/student/*/b*.parquet')"
    changed = duckdb.execute(
        f"select row_key, is_deleted, class_code from {table} where {later} order by is_deleted"
    ).fetchall()
    assert changed == [
        (key_of(edu_home, "lms-one/u1"), False, "k2"),
        (key_of(edu_home, "lms-one/u2"), True, None),
    ]
    assert rows(edu_home, "class", "class_code, is_deleted") == [
        ("k1", False),
        ("k1", True),
        ("k2", False),
        ("k2", False),
    ]


def test_a_pupil_who_loses_his_class_by_a_delta_is_told_of(edu_home: Home, tmp_path: Path) -> None:
    """The delta brings u1 into class k2; without his enrolment he has none, and whoever is deleted needs none."""
    for name, enrolled, expected in (
        ("with", True, []),
        ("without", False, [("class_missing_in_delta", "class_code")]),
    ):
        files = delta()
        if not enrolled:
            files["enrollments"] = files["enrollments"][:1]
        submission = by_dataset(land(edu_home, write_folder(tmp_path / name, files)))["student"].submission_id
        warned = duckdb.execute(
            f"select reason_code, field from read_parquet('{edu_home.runs}/finding/*.parquet') "
            f"where submission_id = '{submission}' and reason_code = 'class_missing_in_delta'"
        ).fetchall()
        assert warned == expected


def test_a_delete_without_a_school_is_refused_and_says_so(edu_home: Home, tmp_path: Path) -> None:
    files = delta()
    files["roles"] = files["roles"][:2]
    files["manifest"] = manifest("delta", courses="bulk", demographics="absent")
    found = by_dataset(land(edu_home, write_folder(tmp_path / "d", files)))
    assert counts(found["student"]) == (2, 1, 1)
    reasons = duckdb.execute(
        f"select reason_code, sheet from read_parquet('{edu_home.runs}/finding/*.parquet') "
        "where dataset = 'student' and severity = 'quarantine'"
    ).fetchall()
    assert reasons == [("delete_without_key", "users.csv")]


def test_who_is_only_enrolled_is_read_and_set_aside(edu_home: Home, tmp_path: Path) -> None:
    files = oneroster_12()
    files["enrollments"].append(["e7", "", "", "k1", "o1", "nobody", "student", "", "", ""])
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    assert counts(found["student"]) == (4, 3, 1)


def test_a_foreign_grade_is_never_taken_for_a_platform_code(edu_home: Home, tmp_path: Path) -> None:
    files = oneroster_12()
    # 13 is a year after school there and the third year of primary school here; 11 is 高二 there and 一年级 here.
    files["users"][1][9] = "13"
    files["users"][2][9] = "11"
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    assert counts(found["student"]) == (3, 2, 1)
    assert rows(edu_home, "student", "grade_code") == [("16",), ("32",)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files.update(manifest=manifest(version="2.0")), "1.1 or 1.2"),
        (lambda files: files.update(manifest=manifest(users="maybe")), "absent, bulk or delta"),
        (lambda files: files.pop("users"), "not there"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(edu_home: Home, tmp_path: Path, change: Any, reason: str) -> None:
    files = oneroster_12()
    change(files)
    result = land(edu_home, write_folder(tmp_path / "b", files))
    assert result.exit_code == ExitCode.REJECTED
    # All four datasets were to come of it, and each of them is told.
    assert {receipt.dataset: (receipt.status, receipt.reason_code) for receipt in result.receipts} == dict.fromkeys(
        ("class", "school", "staff", "student"), ("rejected", "bundle_inconsistent")
    )
    assert all(reason in str(receipt.message) for receipt in result.receipts)
    assert not list(edu_home.lake.glob("*/*/b*.parquet"))


def test_what_the_manifest_declares_absent_is_not_read(edu_home: Home, tmp_path: Path) -> None:
    files = oneroster_12()
    files["manifest"] = manifest(orgs="absent", demographics="absent")
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    assert sorted(str(name) for name in found) == ["class", "staff", "student"]
    # Without the organisations only the system's own name of the school is known; its unit waits for a seed row.
    assert rows(edu_home, "student", "distinct school_code") == [("lms-one:o1",)]
    assert rows(edu_home, "student", "distinct sex_code") == [(None,)]


def test_a_hostile_zip_is_refused_and_writes_nothing_outside(edu_home: Home, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", "propertyName,value\n")
        archive.writestr("users.csv", b"0" * (80 << 20))
    assert land(edu_home, bomb).receipts[0].message is not None
    slip = write_zip(tmp_path / "slip.zip", oneroster_12(), "../../../../outside/")
    assert by_dataset(land(edu_home, slip))["student"].rows_accepted == 3
    assert not list(tmp_path.rglob("outside"))
    # The lock that landings take in turn is empty and stays.
    assert not [path for path in edu_home.tmp.rglob("*") if path.is_file() and path.name != "landing.lock"]
    cut = tmp_path / "cut.zip"
    cut.write_bytes(slip.read_bytes()[:-40])
    assert all(receipt.status in ("failed", "rejected") for receipt in land(edu_home, cut).receipts)


def test_the_bundle_leaves_the_inbox_with_its_last_dataset(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = edu_home.inbox / "421002" / "oneroster" / "2024-2025-1" / "bundle"
    write_folder(folder, oneroster_12())
    whole = landing.Batch.land
    seen: list[str] = []

    def killed_at_staff(self: Any) -> Any:
        seen.append(self.contract.dataset)
        if self.contract.dataset == "staff" and len(seen) < 4:
            raise KeyboardInterrupt
        return whole(self)

    monkeypatch.setattr(landing.Batch, "land", killed_at_staff)
    with pytest.raises(KeyboardInterrupt):
        collect([edu_home.inbox], home=edu_home, options=Options())
    assert folder.exists()
    monkeypatch.setattr(landing.Batch, "land", whole)
    found = by_dataset(collect([edu_home.inbox], home=edu_home, options=Options()))
    assert not folder.exists()
    assert {name: found[name].status for name in ("class", "staff", "student")} == {
        "class": "ignored",
        "staff": "accepted",
        "student": "accepted",
    }


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["manifest.csv", "orgs.csv"], "oneroster"),
        (["Orgs.CSV", "Users.csv"], "sds"),
        (["School.csv", "Student.csv"], "sds_v1"),
        (["学生.csv", "班级.csv"], None),
        (["manifest.csv"], None),
        (["manifest.csv", "demographics.csv"], "oneroster"),
        (["manifest.csv", "名单.csv"], None),
    ],
)
def test_forms_are_told_by_names(names: list[str], form: str | None) -> None:
    assert form_of(names) == form


def write_v1(folder: Path, school: str, person: str, section: str) -> Path:
    """Write the first form of School Data Sync with the header words of one of its variants."""
    return write_folder(
        folder,
        {
            "School": [[school, "Name", "School Number"], ["1", "第一中学", SCHOOL]],
            "Section": [[person, f"School {school}", "Section Name"], ["11", "1", "Math"]],
            "Student": [
                [person, f"School {school}", "First Name", "Last Name", "Password", "Grade", "Status", "Birthdate"],
                ["21", "1", "Ora", "Klein", "x", "9", "Active", "4/2/2010"],
                ["22", "1", "Noah", "Gil", "x", "9", "Inactive", "12/31/2010"],
            ],
            "Teacher": [[person, f"School {school}", "First Name", "Last Name"], ["31", "1", "Craig", "Beane"]],
            "StudentEnrollment": [[section, person], ["11", "21"]],
            "TeacherRoster": [[section, person], ["11", "31"]],
        },
    )


@pytest.mark.parametrize(("school", "person", "section"), [("SIS ID", "SIS ID", "Section SIS ID"), ("DfE Number", "ID", "Section ID")])  # fmt: skip
def test_the_first_form_of_school_data_sync(
    edu_home: Home, tmp_path: Path, school: str, person: str, section: str
) -> None:
    found = by_dataset(land(edu_home, write_v1(tmp_path / "b", school, person, section)))
    assert counts(found["student"]) == (2, 2, 0)
    assert rows(
        edu_home, "student", "school_code, grade_code, class_code, cast(birth_date as varchar), is_deleted"
    ) == [
        (SCHOOL, "23", "11", "2010-04-02", False),
        (SCHOOL, "23", None, "2010-12-31", True),
    ]
    assert counts(found["staff"]) == (1, 1, 0)


def test_school_data_sync_21(edu_home: Home, tmp_path: Path) -> None:
    files: Files = {
        "orgs": [
            ["sourcedId", "name", "type", "parentSourcedId"],
            ["1", "学院", "college", ""],
            ["2", "计算机系", "department", "1"],
            ["9", "教育部门", "ministryOfEducation", ""],
        ],
        "users": [
            ["sourcedId", "username", "givenName", "familyName", "password", "phone"],
            ["a", "a@x", "Jack", "Craig", "P", ""],
            ["b", "b@x", "Jason", "Jonzer", "P", ""],
        ],
        "roles": [
            ["userSourcedId", "orgSourcedId", "role", "sessionSourcedId", "grade", "isPrimary"],
            ["a", "2", "student", "S", "ps1", "TRUE"],
            ["b", "2", "professor", "S", "", "FALSE"],
            ["b", "9", "professor", "S", "", "TRUE"],
        ],
        "classes": [["sourcedId", "orgSourcedId", "title", "courseSourcedId"], ["k", "2", "2024级1班", "c"]],
        "courses": [["sourcedId", "orgSourcedId", "title", "grade"], ["c", "2", "CS", "PS1"]],
        "enrollments": [["classSourcedId", "userSourcedId", "role"], ["k", "a", "student"]],
        "demographics": [["userSourcedId", "sex", "birthDate", "raceCodes"], ["a", "male", "2006-06-06", "white"]],
    }
    result = collect(
        [write_folder(tmp_path / "b", files)], home=edu_home, options=Options(org="sds", period="2024-2025/1")
    )
    found = by_dataset(result)
    # A department is no school: its people belong to the college; whoever belongs to no school cannot be placed.
    assert counts(found["student"]) == (1, 1, 0)
    assert counts(found["staff"]) == (2, 1, 1)
    assert rows(edu_home, "student", "school_code, grade_code, class_code, sex_code") == [("sds:1", "51", "k", "1")]
    assert rows(edu_home, "class", "school_code, class_code, grade_code") == [("sds:1", "k", "51")]


def numbered_bundle() -> Files:
    """Return a bundle whose ids begin with zeros: read as numbers they would be others."""
    return {
        "manifest": manifest(courses="absent", demographics="absent"),
        "orgs": [["sourcedId", "name", "type", "identifier"], ["0012", "测试小学", "school", SCHOOL]],
        "users": [["sourcedId", "givenName", "familyName"], ["0007", "小明", "王"], ["0008", "小红", "李"]],
        "roles": [["userSourcedId", "roleType", "role", "orgSourcedId"]]
        + [[user, "primary", "student", "0012"] for user in ("0007", "0008")],
        "classes": [
            ["sourcedId", "title", "grades", "classType", "schoolSourcedId"],
            ["0101", "2019级1班", "06", "homeroom", "0012"],
        ],
        "enrollments": [["classSourcedId", "userSourcedId", "role"]]
        + [["0101", user, "student"] for user in ("0007", "0008")],
    }


def spelled(folder: Path, files: Files, encoding: str, delimiter: str) -> Path:
    """Write a bundle in an encoding, with a mark between cells."""
    folder.mkdir(parents=True)
    for name, lines in files.items():
        text = "".join(delimiter.join(line) + "\r\n" for line in lines)
        (folder / f"{name}.csv").write_bytes(text.encode(encoding))
    return folder


@pytest.mark.parametrize("mode", ["bulk", "delta"])
@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ","), ("utf-16", ","), ("gb18030", ","), ("utf-8", ", "), ("utf-8-sig", ";"), ("utf-16", "\t")],
)  # fmt: skip
def test_a_bundle_means_the_same_however_it_is_written(
    edu_home: Home, tmp_path: Path, encoding: str, delimiter: str, mode: str
) -> None:
    files = numbered_bundle() | {"manifest": manifest(mode, courses="absent", demographics="absent")}
    found = by_dataset(land(edu_home, spelled(tmp_path / "b", files, encoding, delimiter)))
    assert counts(found["student"]) == (2, 2, 0)
    assert rows(edu_home, "student", "school_code, class_code, sourced_id_key") == sorted(
        (SCHOOL, "0101", pseudonym)
        for pseudonym in (key_of(edu_home, "lms-one/0007"), key_of(edu_home, "lms-one/0008"))
    )
    assert rows(edu_home, "class", "school_code, class_code") == [(SCHOOL, "0101")]
    coverages = duckdb.execute(
        f"select distinct coverage from read_parquet('{edu_home.runs}/submission/*.parquet') where dataset <> 'school'"
    ).fetchall()
    assert coverages == [("full" if mode == "bulk" else "delta",)]


def test_a_bundle_of_pupils_alone_says_so_of_its_staff(edu_home: Home, tmp_path: Path) -> None:
    result = land(edu_home, write_folder(tmp_path / "b", numbered_bundle()))
    staff = by_dataset(result)["staff"]
    assert (staff.status, staff.reason_code, counts(staff)) == ("rejected", "no_row_accepted", (0, 0, 0))
    assert staff.message == "名册中没有教职工信息的记录。"
    assert rows(edu_home, "student", "class_code") == [("0101",), ("0101",)]


def test_a_file_with_another_mark_than_the_rest_is_read(edu_home: Home, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "b", numbered_bundle())
    for name in ("enrollments", "manifest"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    land(edu_home, folder)
    assert rows(edu_home, "student", "class_code") == [("0101",), ("0101",)]


@pytest.mark.parametrize(
    ("name", "header"), [("enrollments", ["classSourcedId", "user", "role"]), ("roles", ["userSourcedId", "roleType"])]
)
def test_a_file_without_the_columns_of_its_keys_is_refused(
    edu_home: Home, tmp_path: Path, name: str, header: list[str]
) -> None:
    files = numbered_bundle()
    files[name] = [header, *(line[: len(header)] for line in files[name][1:])]
    receipt = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))["student"]
    assert (receipt.status, receipt.reason_code) == ("rejected", "mandatory_column_missing")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("users.csv", b"x" * 200_000 + b"\n", "mandatory_column_missing"),
        ("orgs.csv", b'"' + b"x" * 200_000, "table_uneven"),
        ("orgs.csv", b"", "file_empty"),
        ("users.csv", b"", "file_empty"),
        ("users.csv", None, "bundle_inconsistent"),
        ("Users.csv", b"sourcedId\r\n0009\r\n", "bundle_inconsistent"),
        ("users.csv", "u1,true,13800000001,王,13800000001\r\n".encode(), "mandatory_column_missing"),
        ("manifest.csv", "oneroster.version,1.2\r\nfile.users,王小明13800000001\r\n".encode(), "bundle_inconsistent"),
        ("manifest.csv", "oneroster.version,王小明13800000001\r\n".encode(), "bundle_inconsistent"),
        ("manifest.csv", b"oneroster.version,1.2\r\nfile.13800000001,bulk\r\n", "bundle_inconsistent"),
    ],
)
def test_a_broken_bundle_ends_nothing_and_repeats_no_value(
    edu_home: Home, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    folder = write_folder(tmp_path / "b", numbered_bundle())
    if content is None:
        (folder / name).unlink()
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(content)
    receipts = land(edu_home, folder).receipts
    assert reason in {receipt.reason_code for receipt in receipts}
    assert "accepted" not in {receipt.status for receipt in receipts if receipt.dataset == "student"}
    assert "13800000001" not in str(receipts)
    assert "王" not in str(receipts)


def test_a_manifest_may_end_its_lines_as_old_machines_did(edu_home: Home, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "b", numbered_bundle())
    path = folder / "manifest.csv"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r"))
    assert counts(by_dataset(land(edu_home, folder))["student"]) == (2, 2, 0)


@pytest.mark.parametrize("content", ["", "propertyName value\n", "一个说明\n", "oneroster.version\n1.2\n"])
def test_a_manifest_that_cannot_be_read_is_not_taken_for_none(edu_home: Home, tmp_path: Path, content: str) -> None:
    folder = write_folder(tmp_path / "b", numbered_bundle())
    (folder / "manifest.csv").write_text(content, encoding="utf-8")
    result = land(edu_home, folder)
    assert {receipt.rows_accepted for receipt in result.receipts} == {0}
    assert "manifest" in str([receipt.message for receipt in result.receipts])


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published samples of School Data Sync are not beside the project")
@pytest.mark.parametrize(
    ("sample", "students", "staff"),
    [("SDS v2.1", (4, 4), (3, 2)), ("SDS v2", (22, 20), (7, 7)), ("SDS Format/25 Users", (22, 22), (2, 2)), ("UK Format/25 Users", (22, 22), (2, 2))],
)  # fmt: skip
def test_published_samples(
    edu_home: Home, tmp_path: Path, sample: str, students: tuple[int, int], staff: tuple[int, int]
) -> None:
    folder = shutil.copytree(SAMPLES / sample, tmp_path / "sample")
    (folder.with_name("sample.meta.json")).write_text(json.dumps({"org": "sds", "period": "2021-2022/1"}))
    found = by_dataset(collect([folder], home=edu_home, options=Options()))
    assert counts(found["student"])[:2] == students
    assert counts(found["staff"])[:2] == staff


def test_a_role_that_nobody_knows_makes_no_staff(edu_home: Home, tmp_path: Path) -> None:
    files = numbered_bundle()
    more = {"0021": "学生", "0022": "ext:mentor", "0023": "officeStaff", "0024": "alumni", "0025": "Coach"}
    files["users"] += [[user, "某", "赵"] for user in more]
    files["roles"] += [[user, "primary", role, "0012"] for user, role in more.items()]
    # What he is besides in the same school makes nobody less of a coach.
    files["roles"].append(["0025", "primary", "ext:mentor", "0012"])
    found = by_dataset(land(edu_home, write_folder(tmp_path / "b", files)))
    assert counts(found["student"]) == (2, 2, 0)
    assert counts(found["staff"]) == (4, 2, 2)
    assert rows(edu_home, "staff", "staff_category_code") == [(None,), (None,)]
    reasons = duckdb.sql(
        f"select distinct reason_code from read_parquet('{edu_home.runs}/finding/*.parquet') where dataset = 'staff' "
        "and severity = 'quarantine'"
    ).fetchall()
    assert reasons == [("role_unknown",)]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_blank_lines_shift_no_row_number(edu_home: Home, tmp_path: Path, end: str) -> None:
    """A record is named by its ordinal with the header as 1, as in every CSV file; a blank one counts, one above does not."""
    files = numbered_bundle()
    folder = write_folder(tmp_path / "b", files)
    lines = [",".join(line) for line in files["roles"]]
    lost = ["9001,primary,student,0012", "9002,primary,student,0012", "9003,primary,student,0012"]
    # After the header (1) and two roles (2, 3): blank, blank, lost (6), white space, lost (8), only commas, blank, a
    # record too short of nothing but commas, lost (12).
    lines = ["", *lines, "", "", lost[0], "  ", lost[1], ",,,", "", ",", lost[2], ""]
    (folder / "roles.csv").write_bytes(end.join(lines).encode())
    found = by_dataset(land(edu_home, folder))
    assert counts(found["student"]) == (5, 2, 3)
    named = duckdb.sql(
        f"select sheet, row_number from read_parquet('{edu_home.runs}/finding/*.parquet') "
        "where reason_code = 'person_not_in_bundle' order by all"
    ).fetchall()
    assert named == [("roles.csv", 6), ("roles.csv", 8), ("roles.csv", 12)]


def only(*kept: str) -> Files:
    """Return a delta of version 1.2 that holds some files alone."""
    files = oneroster_12()
    away = {name: "absent" for name in files if name not in (*kept, "manifest")}
    return {"manifest": manifest("delta", **away), **{name: files[name] for name in kept}}


@pytest.mark.parametrize(
    ("kept", "dataset"),
    [
        (("enrollments",), "student"),
        (("users",), "student"),
        (("demographics",), "student"),
        (("users", "demographics", "enrollments"), "student"),
        (("courses",), "class"),
    ],
)
@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_a_delta_that_only_adds_to_what_it_lacks_gets_one_answer(
    edu_home: Home, tmp_path: Path, write: Any, kept: tuple[str, ...], dataset: str
) -> None:
    name = "delta.zip" if write is write_zip else "delta"
    path = write(edu_home.inbox / "421002" / "oneroster" / "2024-2025-1" / name, only(*kept))
    if write is write_zip:
        shutil.rmtree(path.with_suffix(""))
    [receipt] = collect([edu_home.inbox], home=edu_home, options=Options()).receipts
    assert (receipt.dataset, receipt.status, receipt.reason_code) == (dataset, "rejected", "roster_files_missing")
    assert (receipt.org, receipt.period, receipt.findings) == ("421002", "2024-2025/1", {"reject": 1})
    [answer] = edu_home.outbox.glob("421002/*.xlsx")
    texts = [str(cell.value) for row in openpyxl.load_workbook(answer).worksheets[0] for cell in row if cell.value]
    assert any("变动学生的附上他的 users、roles、enrollments 记录" in text for text in texts)
    # It was archived and taken away, and landed again says the same.
    assert not path.exists()
    done = verify(edu_home)
    assert (done.submissions, done.differing) == (1, [])


def test_a_delta_of_users_who_say_where_they_are_is_read(edu_home: Home, tmp_path: Path) -> None:
    """A user of whom no file says what he is gets lost no more than others; who goes may go by his school alone."""
    land(edu_home, write_folder(tmp_path / "bulk", numbered_bundle()))
    files = only("users")
    files["users"] = [
        ["sourcedId", "status", "givenName", "familyName", "primaryOrgSourcedId"],
        ["0007", "", "小明", "王", "0012"],
        ["0008", "tobedeleted", "小红", "李", "0012"],
    ]
    staff = by_dataset(land(edu_home, write_folder(tmp_path / "delta", files)))["staff"]
    assert staff.rows_quarantined == 1
    reasons = duckdb.sql(
        f"select reason_code, row_number from read_parquet('{edu_home.runs}/finding/*.parquet') "
        "where dataset = 'staff' and severity = 'quarantine'"
    ).fetchall()
    assert reasons == [("role_unknown", 2)]
