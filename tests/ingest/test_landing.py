"""Landing, end to end over small files: receipts, findings, and that nothing is lost, doubled or half-written."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosters import SCHOOL, id_number, pupil, write_roster
from typer.testing import CliRunner

from edu import vault
from edu.cli import app
from edu.errors import ExitCode, KeyFileError
from edu.paths import Home
from edu.pseudonym import load_or_create_key
from edu.storage_error import StateFolderError, StorageFullError
from ingest import lake, record
from ingest.landing import collect
from ingest.receipt import CollectResult
from ingest.replay import mend, verify
from ingest.submission import Options
from ingest.withdrawal import withdraw

OPTIONS = Options(dataset="student", org="421002", period="2024-2025/1")


def land(home: Home, *paths: Path, options: Options = OPTIONS) -> CollectResult:
    return collect(list(paths), home=home, options=options)


def query(home: Home, kind: str, sql: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {sql} from read_parquet('{home.root}/{kind}/**/*.parquet', union_by_name=true)"
    ).fetchall()


CASES: list[tuple[str, dict[str, Any], tuple[str, str, int | None, str]]] = [
    ("mojibake", {"name": "赵?"}, ("name", "name_mojibake", 3, "incomplete")),
    ("known private use", {"name": "王\ue81e"}, ("name", "name_private_use_mapped", 4, "fix")),
    ("unknown private use", {"name": "王\ue78d"}, ("name", "name_stand_in", 4, "incomplete")),
    ("pinyin", {"name": "王YAN"}, ("name", "name_stand_in", 4, "incomplete")),
    ("dots", {"name": "买买提•艾力"}, ("name", "name_dot_fixed", 5, "fix")),
    ("float", {"id_number": "4.21002201209012E+17"}, ("id_number", "id_as_float", 9, "incomplete")),
    ("float digits", {"id_number": "421002201209012000"}, ("id_number", "id_as_float", 9, "incomplete")),
    (
        "full width",
        {"id_number": "４２１００２２０１２０９０５００３"},
        ("id_number", "id_check_digit", 12, "incomplete"),
    ),
    ("apostrophe", {"id_number": "'" + id_number(3)}, ("id_number", "id_format_fixed", 10, "fix")),
    ("check digit", {"id_number": "421002201209012018"}, ("id_number", "id_check_digit", 12, "incomplete")),
    (
        "15 digits",
        {
            "id_number": "421002850905001",
            "birth_date": "19850905",
            "grade_code": "52",
            "entry_ym": "202309",
            "xjh": "L" + id_number(3),
        },
        ("id_number", "id_15_converted", 11, "fix"),
    ),
    (
        "other document with a wrong check digit",
        {"id_type_code": "9", "id_number": "421002201209012018"},
        ("id_number", "id_of_other_document", 12, "warn"),
    ),
    ("area code", {"phone": "716-8123456"}, ("phone", "leading_zero_restored", 23, "fix")),
    (
        "area code of two digits",
        {"guardian_phone": "27 87654321"},
        ("guardian_phone", "leading_zero_restored", 23, "fix"),
    ),
    ("nought for no telephone", {"phone": "0"}, ("phone", "null_word", 32, "fix")),
    ("nought for no month", {"entry_ym": "0"}, ("entry_ym", "null_word", 32, "fix")),
    ("nought for no code", {"entry_mode_code": "0"}, ("entry_mode_code", "null_word", 32, "fix")),
    ("own guardian", {"guardian_id_number": id_number(3)}, ("guardian_id_number", "guardian_id_is_pupils", 42, "warn")),
    (
        "own guardian in full width",
        {"guardian_id_number": "４２１００２ 20120905 " + id_number(3)[14:]},
        ("guardian_id_number", "guardian_id_is_pupils", 42, "warn"),
    ),
    ("birth", {"birth_date": "20120910"}, ("birth_date", "id_birth_mismatch", 13, "warn")),
    ("sex", {"sex_code": "2"}, ("sex_code", "id_sex_mismatch", 14, "warn")),
    ("roll number", {"xjh": "G" + id_number(9)}, ("xjh", "roll_number_mismatch", 15, "warn")),
    ("entry", {"entry_ym": "202209"}, ("entry_ym", "grade_entry_mismatch", 21, "warn")),
    (
        "retired division",
        {"household_division_code": "421023"},
        ("household_division_code", "division_succeeded", 26, "fix"),
    ),
    ("two-digit year", {"birth_date": "12/09/05"}, ("birth_date", "date_ambiguous", 29, "incomplete")),
    ("year last", {"birth_date": "9/5/2012"}, ("birth_date", "date_ambiguous", 29, "incomplete")),
    ("zero", {"ethnicity_code": "1"}, ("ethnicity_code", "leading_zero_restored", 23, "fix")),
    ("dots in date", {"birth_date": "2012.09.05"}, ("birth_date", "date_format_fixed", 28, "fix")),
    ("chinese date", {"birth_date": "2012年9月5日"}, ("birth_date", "date_format_fixed", 28, "fix")),
    ("serial", {"birth_date": "41157"}, ("birth_date", "date_format_fixed", 28, "fix")),
    ("no date", {"birth_date": "1900-01-00"}, ("birth_date", "date_unreadable", 28, "incomplete")),
    ("30 February", {"birth_date": "2012-02-30"}, ("birth_date", "date_unreadable", 28, "incomplete")),
    ("label", {"sex_code": "男"}, ("sex_code", "code_from_label", 30, "fix")),
    ("code and label", {"sex_code": "1-男性"}, ("sex_code", "code_from_label", 30, "fix")),
    ("code against label", {"sex_code": "1-女性"}, ("sex_code", "code_unknown", None, "incomplete")),
    ("short people", {"ethnicity_code": "汉"}, ("ethnicity_code", "ethnicity_completed", 31, "fix")),
    ("people apart", {"ethnicity_code": "土家 族"}, ("ethnicity_code", "ethnicity_completed", 31, "fix")),
    ("grade name", {"grade_code": "六年级"}, ("grade_code", "code_from_label", 30, "fix")),
    ("unknown grade", {"grade_code": "研究生"}, ("grade_code", "code_unknown", None, "quarantine")),
    ("null word", {"disability_code": "不详"}, ("disability_code", "null_word", 32, "fix")),
    ("missing", {"sex_code": ""}, ("sex_code", "value_missing", None, "incomplete")),
    ("no school", {"school_code": "214200001"}, ("school_code", "school_code_invalid", 24, "quarantine")),
    ("error", {"class_code": "#REF!"}, ("class_code", "formula_error", 48, "incomplete")),
]


def test_a_finding_says_the_school_of_its_row(edu_home: Home, tmp_path: Path) -> None:
    """Of a row without a readable school, and of the file as a whole, nobody's school is said."""
    rows = [pupil(1, sex_code=""), pupil(3, school_code="2142000002", sex_code=""), pupil(5, school_code="214200001")]
    path = write_roster(tmp_path / "a.csv", rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    land(edu_home, path)
    assert query(edu_home, "runs/finding", "row_number, reason_code, school_code") == [
        (2, "value_missing", "2142000001"),
        (3, "value_missing", "2142000002"),
        (4, "school_code_invalid", None),
        (None, "bom_removed", None),
    ]


def test_a_guardian_of_many_is_said_once(edu_home: Home, tmp_path: Path) -> None:
    """Six pupils of one guardian, five of another, and a number that is written in two ways; two files are two lists."""
    one, other = id_number(901, "19850601"), id_number(902, "19850601")
    several = [pupil(n, guardian_id_number=one if n < 12 else other) for n in range(1, 22, 2)]
    several[2]["guardian_id_number"] = one[:6] + " " + one[6:]
    phones = {id(row): f"1390000{n:04d}" for n, row in enumerate(several)}
    rows = [{**row, "guardian_phone": phones[id(row)]} for row in several]
    land(edu_home, write_roster(tmp_path / "a.csv", rows), write_roster(tmp_path / "b.csv", rows[:5]))
    found = query(edu_home, "runs/finding", "row_number, field, reason_code, class_no, severity")
    assert found == [(2, "guardian_id_number", "guardian_id_shared", 42, "warn")]


def test_a_guardians_number_is_kept_nowhere(edu_home: Home, tmp_path: Path) -> None:
    row = pupil(1)
    land(edu_home, write_roster(tmp_path / "a.csv", [row]))
    with vault.reading(edu_home, load_or_create_key(edu_home)) as connection:
        fields = {name for (name,) in connection.execute("select distinct field from person_row").fetchall()}
    assert "guardian_phone" in fields
    assert "guardian_id_number" not in fields


@pytest.mark.parametrize(("change", "finding"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_class_is_found_in_its_cell(
    edu_home: Home, tmp_path: Path, change: dict[str, Any], finding: tuple[str, str, int | None, str]
) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1), pupil(3, **change), pupil(5)])
    result = land(edu_home, path)
    found = query(edu_home, "runs/finding", "row_number, field, reason_code, class_no, severity")
    assert found == [(3, *finding)]
    receipt = result.receipts[0]
    assert (receipt.rows_read, receipt.rows_quarantined) == (3, int(finding[3] == "quarantine"))
    assert receipt.rows_incomplete == int(finding[3] == "incomplete")


def test_no_child_is_lost_over_a_spelling(edu_home: Home, tmp_path: Path) -> None:
    rows = [pupil(1), pupil(3, xjh="坏号", id_number="#REF!", name="□"), pupil(5, xjh="", seat_no="", id_number="")]
    land(edu_home, write_roster(tmp_path / "r.csv", rows))
    keys = query(edu_home, "lake/student", "row_number, row_key, is_incomplete, xjh_key is null, identity_status")
    assert [row[0] for row in keys] == [2, 3, 4]
    assert keys[0][1].startswith("xjh:")
    assert keys[1][1:] == (f"{SCHOOL}/1601/3", True, True, "unverified")
    assert keys[2][1].startswith("row:s")
    assert keys[2][4] == "missing"


def test_placeholders_need_name_and_number(edu_home: Home, tmp_path: Path) -> None:
    rows = [pupil(1, name="张三"), pupil(3, name="张三", id_number="111111")]
    result = land(edu_home, write_roster(tmp_path / "r.csv", rows))
    assert result.receipts[0].rows_quarantined == 1
    assert query(edu_home, "runs/finding", "row_number, field, class_no") == [(3, "name", 41)]


def test_ages(edu_home: Home, tmp_path: Path) -> None:
    def aged(serial: int, birth: str) -> dict[str, Any]:
        number = id_number(serial, birth)
        return pupil(serial, birth_date=birth, id_number=number, xjh=f"G{number}")

    # On 1 September 2024: 16 on that day is usual in 六年级 (5 to 16), 17 is not, 31 cannot be.
    rows = [aged(1, "20080901"), aged(3, "20070901"), aged(5, "19930901"), aged(7, "19940902")]
    land(edu_home, write_roster(tmp_path / "r.csv", rows))
    found = query(edu_home, "runs/finding", "row_number, reason_code, severity")
    assert found == [(3, "age_unusual", "warn"), (4, "age_impossible", "quarantine"), (5, "age_unusual", "warn")]


def test_copies_and_repeated_keys(edu_home: Home, tmp_path: Path) -> None:
    rows = [pupil(1), pupil(3), pupil(1), pupil(3, boarding_code="2")]
    result = land(edu_home, write_roster(tmp_path / "r.csv", rows))
    assert result.receipts[0].rows_accepted == 4
    found = query(edu_home, "runs/finding", "row_number, reason_code, severity")
    assert found == [(4, "duplicate_row", "fix"), (5, "duplicate_key", "warn")]


OTHER_SCHOOL = "2142000002"
FIRST_ROW = pupil(1)
SHARED = [
    ("roll number of another", "xjh", {"name": "王小红", "xjh": FIRST_ROW["xjh"]}),
    ("namesake of another day", "xjh", {"birth_date": "20120906", "xjh": FIRST_ROW["xjh"]}),
    ("number filled down", "id_number", {"name": "王小红", "id_number": FIRST_ROW["id_number"]}),
    ("twin without a roll number", "id_number", {"name": "王小红", "id_number": FIRST_ROW["id_number"], "xjh": ""}),
    (
        "in one seat",
        "xjh",
        {"name": "王小红", "sex_code": "2", "xjh": FIRST_ROW["xjh"], "seat_no": FIRST_ROW["seat_no"]},
    ),
]
CORRECTED = {**FIRST_ROW, "name": "王小红"}
OF_ONE = [
    ("name corrected", [CORRECTED]),
    ("number renewed", [{**FIRST_ROW, "id_number": id_number(3)}]),
    ("number renewed and another seat", [{**FIRST_ROW, "id_number": id_number(3), "seat_no": "9"}]),
    ("name corrected, number illegible", [{**CORRECTED, "id_number": "#REF!"}]),
    ("temporary beside formal", [{**FIRST_ROW, "xjh": "L" + id_number(3)}]),
    ("at another school", [{**CORRECTED, "school_code": OTHER_SCHOOL, "seat_no": "9"}]),
    ("each row corrects another thing", [CORRECTED, {**FIRST_ROW, "birth_date": "20120906"}]),
]


@pytest.mark.parametrize(("field", "change"), [case[1:] for case in SHARED], ids=[case[0] for case in SHARED])
def test_a_number_of_two_persons_is_neithers_and_both_count(
    edu_home: Home, tmp_path: Path, field: str, change: dict[str, Any]
) -> None:
    rows = [FIRST_ROW, pupil(3, **change), pupil(5)]
    receipt = land(edu_home, write_roster(tmp_path / "r.csv", rows)).receipts[0]
    assert (receipt.rows_accepted, receipt.rows_incomplete) == (3, 2)
    found = query(edu_home, "runs/finding", "row_number, field, reason_code, severity")
    assert [row for row in found if row[2] == "number_shared"] == [
        (2, field, "number_shared", "incomplete"),
        (3, field, "number_shared", "incomplete"),
    ]
    kept = query(edu_home, "lake/student", f"row_number, {field}_key is null, is_incomplete")
    assert kept == [(2, True, True), (3, True, True), (4, False, False)]
    assert len({key for (key,) in query(edu_home, "lake/student", "row_key")}) == 3
    if field == "id_number":
        statuses = query(edu_home, "lake/student", "identity_status")
        assert sorted(statuses) == [("unverified",), ("unverified",), ("verified",)]


def test_in_a_part_who_has_no_number_left_is_quarantined(edu_home: Home, tmp_path: Path) -> None:
    """The roll that was delivered before counts on: without a number of their own they would stand beside themselves."""
    land(edu_home, write_roster(tmp_path / "whole.csv", [pupil(1), pupil(3)]))
    shared = {"name": "王小红", "xjh": FIRST_ROW["xjh"]}
    rows = [{**FIRST_ROW, "id_number": ""}, pupil(3, **shared, id_number=""), pupil(5, **shared)]
    options = Options(dataset="student", org="421002", period="2024-2025/1", coverage="partial")
    receipt = land(edu_home, write_roster(tmp_path / "part.csv", rows), options=options).receipts[0]
    assert (receipt.rows_accepted, receipt.rows_quarantined) == (1, 2)
    found = query(edu_home, "runs/finding", "row_number, field, reason_code, severity")
    assert [row for row in found if row[2].startswith("number_shared")] == [
        (2, "xjh", "number_shared_in_part", "quarantine"),
        (3, "xjh", "number_shared_in_part", "quarantine"),
        (4, "xjh", "number_shared", "incomplete"),
    ]


def test_numbers_of_rows_without_a_school_are_not_compared(edu_home: Home, tmp_path: Path) -> None:
    """Staff numbers, say, repeat from school to school."""
    other = pupil(3, name="王小红", xjh=FIRST_ROW["xjh"], school_code="214200001")
    land(edu_home, write_roster(tmp_path / "r.csv", [{**FIRST_ROW, "school_code": "21420000"}, other]))
    assert "number_shared" not in {code for (code,) in query(edu_home, "runs/finding", "reason_code")}


@pytest.mark.parametrize("others", [case[1] for case in OF_ONE], ids=[case[0] for case in OF_ONE])
def test_a_number_of_one_person_stays(edu_home: Home, tmp_path: Path, others: list[dict[str, Any]]) -> None:
    land(edu_home, write_roster(tmp_path / "r.csv", [FIRST_ROW, *others]))
    assert "number_shared" not in {code for (code,) in query(edu_home, "runs/finding", "reason_code")}
    assert query(edu_home, "lake/student", "count(*) filter (where xjh_key is null)") == [(0,)]


def test_two_pupils_without_numbers_in_one_seat_both_count(edu_home: Home, tmp_path: Path) -> None:
    """As in a kindergarten, where nobody has a roll number: pupils 1 and 3 are told one seat, 5 and 7 have no seat."""
    rows = [pupil(n, xjh="", name=name) for n, name in ((1, "李晓明"), (3, "王小红"), (5, "赵大川"), (7, "孙小月"))]
    rows[1]["seat_no"] = rows[0]["seat_no"]
    rows[2]["seat_no"] = rows[3]["seat_no"] = ""
    land(edu_home, write_roster(tmp_path / "r.csv", rows))
    found = query(edu_home, "runs/finding", "row_number, field, reason_code")
    assert [row for row in found if row[2] in {"number_shared", "duplicate_key"}] == [
        (2, "seat_no", "number_shared"),
        (3, "seat_no", "number_shared"),
    ]
    assert len({key for (key,) in query(edu_home, "lake/student", "row_key")}) == 4


def test_shared_numbers_are_found_part_by_part(edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a file so large that its numbers are counted in parts: pairs 1-3, 5-7, 9-11 share numbers, 13 does not."""
    monkeypatch.setattr("ingest.examination.ROWS_AT_ONCE", 2)
    rows = [pupil(n) for n in (1, 5, 9, 13)]
    rows += [pupil(n + 2, name="王小红", xjh="G" + id_number(n)) for n in (1, 5, 9)]
    land(edu_home, write_roster(tmp_path / "r.csv", rows))
    found = query(edu_home, "runs/finding", "row_number, reason_code")
    assert sorted(row for row, code in found if code == "number_shared") == [2, 3, 4, 6, 7, 8]


def test_a_number_is_shared_within_one_file_alone(edu_home: Home, tmp_path: Path) -> None:
    """A later file that corrects name and number of a pupil is a correction, not a second pupil."""
    first = write_roster(tmp_path / "a.csv", [pupil(1)])
    later = write_roster(tmp_path / "b.csv", [pupil(3, name="王小红", xjh="G" + id_number(1))])
    land(edu_home, first, later)
    assert "number_shared" not in {code for (code,) in query(edu_home, "runs/finding", "reason_code")}


def test_collecting_twice_changes_nothing(edu_home: Home, tmp_path: Path) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1)])
    land(edu_home, path)
    before = sorted(p.name for p in edu_home.root.rglob("*.parquet"))
    again = land(edu_home, path)
    assert [receipt.status for receipt in again.receipts] == ["ignored"]
    assert sorted(p.name for p in edu_home.root.rglob("*.parquet")) == before


def test_going_back_to_an_older_file_is_a_new_delivery(edu_home: Home, tmp_path: Path) -> None:
    first = write_roster(tmp_path / "a.csv", [pupil(1)])
    second = write_roster(tmp_path / "b.csv", [pupil(1), pupil(3)])
    land(edu_home, first)
    land(edu_home, second)
    statuses = [receipt.status for receipt in land(edu_home, first).receipts]
    # Within one second the two deliveries have one time, and the id decides which is newer.
    assert statuses[0] in ("accepted", "ignored")


def test_the_order_of_files_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edu.settings import get_settings

    key = tmp_path / "key"
    key.write_text("11" * 32)
    monkeypatch.setenv("EDU_KEY_FILE", str(key))
    get_settings.cache_clear()
    files = [write_roster(tmp_path / f"{i}.csv", [pupil(i), pupil(i + 1)]) for i in (1, 3, 5)]
    for path in files:
        path.with_name(path.name + ".meta.json").write_text(json.dumps({"received_at": "2024-09-05T08:00:00"}))
    seen = []
    for number, order in enumerate((files, files[::-1])):
        home = Home(tmp_path / f"home{number}")
        for path in order:
            land(home, path)
        seen.append(sorted(query(home, "lake/student", "submission_id, row_number, row_key, id_number_key")))
    get_settings.cache_clear()
    assert seen[0] == seen[1]
    assert len(seen[0]) == 6


def test_a_landing_killed_before_its_receipt_does_not_count(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1)])

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(record.Recorder, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            land(edu_home, path)
    assert query(edu_home, "runs/submission", "count(*)") == [(0,)]
    assert [receipt.status for receipt in land(edu_home, path).receipts] == ["accepted"]
    counted = duckdb.execute(
        f"select count(*) from read_parquet('{edu_home.lake}/student/**/*.parquet') as r inner join "
        f"read_parquet('{edu_home.runs}/submission/*.parquet') as s using (submission_id, batch_id)"
    ).fetchone()
    assert counted == (1,)


def test_inbox_files_go_once_archived(edu_home: Home) -> None:
    path = write_roster(edu_home.inbox / "421002" / "student" / "2024-2025-1" / "r.csv", [pupil(1)])
    result = collect([edu_home.inbox], home=edu_home, options=Options())
    assert (result.receipts[0].org, result.receipts[0].period) == ("421002", "2024-2025/1")
    assert not path.exists()
    assert list(edu_home.inbox.iterdir()) == []


def test_names_of_files_stay_in_the_archive(edu_home: Home, tmp_path: Path) -> None:
    land(edu_home, write_roster(tmp_path / "王小明的名册.csv", [pupil(1)]))
    [(source_ref, identity)] = query(edu_home, "runs/submission", "source_ref, submission_id")
    assert source_ref == f"{identity}.csv"
    manifest = json.loads((edu_home.archive / "manifest" / f"{identity}.json").read_text())
    assert manifest["original_name"] == "王小明的名册.csv"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file_empty"),
        (b"PK\x03\x04 broken", "file_unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, "file_unreadable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "workbook_encrypted"),
        (b"PAR1 and nothing more", "file_unreadable"),
        (b"<html><table></table></html>", "file_empty"),
        (b"a\0b\0c", "format_unknown"),
        ("随便写的一行\n第二行\n".encode(), "header_not_found"),
        (b"\xff\xff\xff\xff", "encoding_unreadable"),
    ],
)
def test_bad_files_are_rejected_with_a_receipt(edu_home: Home, tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    result = land(edu_home, path)
    assert result.exit_code == ExitCode.REJECTED
    receipt = result.receipts[0]
    assert (receipt.status, receipt.reason_code, receipt.rows_accepted) == ("rejected", reason, 0)
    assert "bad.csv" in str(receipt.message)
    assert query(edu_home, "runs/finding", "reason_code, severity") == [(reason, "reject")]
    assert list(edu_home.lake.glob("student/*/b*.parquet")) == []


def test_a_header_alone_is_no_delivery(edu_home: Home, tmp_path: Path) -> None:
    """Neither are sums and blank rows below it; the good file of the same batch is taken."""
    alone = write_roster(tmp_path / "a.csv", [])
    sums = write_roster(tmp_path / "b.csv", [], bottom=[["合计", "0"], ["", ""]])
    good = write_roster(tmp_path / "c.csv", [pupil(1)])
    receipts = land(edu_home, alone, sums, good).receipts
    assert [(r.status, r.reason_code, r.rows_read) for r in receipts] == [
        ("rejected", "rows_missing", 0),
        ("rejected", "rows_missing", 0),
        ("accepted", None, 1),
    ]
    assert [r.findings.get("reject", 0) for r in receipts] == [1, 1, 0]


def test_lost_receipts_are_named_and_written_again(edu_home: Home, tmp_path: Path) -> None:
    """Of a good file and of a refused one; what is written is what was lost, but for the time of the record."""
    land(edu_home, write_roster(tmp_path / "kept.csv", [pupil(5)]))
    (tmp_path / "bad.csv").write_bytes(b"")
    lost = land(edu_home, write_roster(tmp_path / "a.csv", [pupil(1), pupil(3)]), tmp_path / "bad.csv").receipts
    ids = sorted(str(receipt.submission_id) for receipt in lost)
    before = query(edu_home, "runs/submission", "* exclude (recorded_at, code_version)")
    assert verify(edu_home).without_receipt == []
    [path] = [
        path
        for path in edu_home.runs.glob("submission/b*.parquet")
        if duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(2,)]
    ]
    path.unlink()
    done = verify(edu_home)
    assert (done.submissions, done.differing, done.without_receipt) == (1, [], ids)
    assert CliRunner().invoke(app, ["replay", "--all", "--verify"]).exit_code == ExitCode.RUNTIME
    assert mend(edu_home).submissions == 2
    assert sorted(query(edu_home, "runs/submission", "* exclude (recorded_at, code_version)"), key=str) == sorted(
        before, key=str
    )
    done = verify(edu_home)
    assert (done.submissions, done.differing, done.without_receipt) == (3, [], [])
    assert mend(edu_home).submissions == 0


def test_a_landing_that_failed_before_its_receipts_lost_none(
    edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record.runs.append

    def fail(home: Home, kind: str, name: str, rows: list[dict[str, object]]) -> Path:
        if kind == "submission":
            raise OSError("killed")
        return real(home, kind, name, rows)

    monkeypatch.setattr(record.runs, "append", fail)
    path = write_roster(tmp_path / "r.csv", [pupil(1)])
    with pytest.raises(StateFolderError):
        land(edu_home, path)
    monkeypatch.undo()
    assert query(edu_home, "runs/unit", "count(*)") == [(1,)]
    done = verify(edu_home)
    assert (done.submissions, done.without_receipt) == (0, [])


def test_a_missing_mandatory_column_rejects_the_file(edu_home: Home, tmp_path: Path) -> None:
    from rosters import header

    names = ["备用列" if name == "学籍号" else name for name in header()]
    result = land(edu_home, write_roster(tmp_path / "r.csv", [pupil(1)], names=names))
    assert result.receipts[0].reason_code == "mandatory_column_missing"
    assert query(edu_home, "runs/finding", "field, class_no, severity") == [("xjh", 8, "reject")]


def test_usage_errors_leave_the_others_alone(edu_home: Home, tmp_path: Path) -> None:
    good = write_roster(tmp_path / "good.csv", [pupil(1)])
    empty = tmp_path / "empty"
    empty.mkdir()
    result = land(edu_home, good, tmp_path / "no such file.csv", empty)
    assert sorted(receipt.status for receipt in result.receipts) == ["accepted", "failed", "failed"]
    assert result.exit_code == ExitCode.USAGE
    alone = collect([good], home=edu_home, options=Options())
    assert alone.exit_code == ExitCode.USAGE
    assert "dataset, org, period" in str(alone.receipts[0].message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everywhere")
def test_no_permission_is_said(edu_home: Home, tmp_path: Path) -> None:
    path = write_roster(tmp_path / "r.csv", [pupil(1)])
    path.chmod(0)
    result = land(edu_home, path)
    assert result.exit_code == ExitCode.RUNTIME


def test_a_full_disk_commits_nothing(edu_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    for writer in ("copy_to", "Slices"):
        monkeypatch.setattr(lake, writer, full)
    with pytest.raises(StorageFullError, match="student"):
        land(edu_home, write_roster(tmp_path / "r.csv", [pupil(1)]))
    assert query(edu_home, "runs/submission", "count(*)") == [(0,)]
    assert list(edu_home.lake.glob("student/*/b*.parquet")) == []


def test_quarantine_and_archive_hold_no_plain_value(edu_home: Home, tmp_path: Path) -> None:
    from edu.duck import connect
    from edu.pseudonym import load_key
    from ingest.lake import read_quarantine, use_quarantine_key

    land(edu_home, write_roster(tmp_path / "r.csv", [pupil(1, school_code="1")]))
    number = id_number(1).encode()
    for folder in (edu_home.quarantine, edu_home.archive):
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files
        assert all(number not in path.read_bytes() for path in files)
    with connect(extensions=("httpfs",)) as connection:
        use_quarantine_key(connection, load_key(edu_home))
        [(raw,)] = read_quarantine(connection, edu_home).select("raw_json").fetchall()
    assert json.loads(raw)["id_number"] == id_number(1)


CELL = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.tuples(CELL, CELL, CELL, CELL), min_size=1, max_size=4))
def test_every_row_is_accepted_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = [pupil(i, name=a, birth_date=b, id_number=c, grade_code=d) for i, (a, b, c, d) in enumerate(cells, start=1)]
    receipt = land(Home(folder / "home"), write_roster(folder / "r.csv", rows)).receipts[0]
    assert receipt.status != "failed"
    assert receipt.rows_read == len(rows)
    assert receipt.rows_read == receipt.rows_accepted + receipt.rows_quarantined


def test_who_sends_again_what_was_withdrawn_is_told_that_it_does_not_count(edu_home: Home, tmp_path: Path) -> None:
    path = write_roster(tmp_path / "a.csv", [pupil(1)])
    dated = Options(**{**vars(OPTIONS), "received_at": datetime(2024, 9, 5, 10)})
    [first] = land(edu_home, path, options=dated).receipts
    assert [(each.status, each.message) for each in land(edu_home, path, options=dated).receipts] == [("ignored", None)]
    withdraw(edu_home, str(first.submission_id), by="steward", reason="报错文件")
    [again] = land(edu_home, path, options=dated).receipts
    assert (again.status, again.exit_code) == ("ignored", 0)
    assert "withdrawn" in str(again.message)
    assert str(first.submission_id) in str(again.message)
    # As the message says.
    [later] = land(edu_home, path, options=Options(**{**vars(dated), "received_at": datetime(2024, 9, 6, 10)})).receipts
    [clocked] = land(edu_home, write_roster(tmp_path / "b.csv", [pupil(1)])).receipts
    assert [each.status for each in (later, clocked)] == ["accepted", "ignored"]


def test_nothing_is_landed_under_another_key(edu_home: Home, tmp_path: Path) -> None:
    """Of two keys one person has two pseudonyms, and every later build would stop at the gate that counts keys."""
    land(edu_home, write_roster(tmp_path / "a.csv", [pupil(1)]))
    key_file = edu_home.vault / "platform.key"
    kept = key_file.read_text()
    key_file.write_text("11" * 32)
    other = write_roster(tmp_path / "b.csv", [pupil(1), pupil(2)])
    before = sorted(edu_home.root.rglob("*.*"))
    with pytest.raises(KeyFileError) as caught:
        land(edu_home, other)
    assert kept.strip() not in str(caught.value)
    assert sorted(edu_home.root.rglob("*.*")) == before
    key_file.write_text(kept)
    assert [receipt.status for receipt in land(edu_home, other).receipts] == ["accepted"]
