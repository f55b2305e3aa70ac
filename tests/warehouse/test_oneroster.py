"""A OneRoster bundle out of storage, and back: what a receiver sees, and that it is known when it returns."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from edu.paths import Home
from edu.pseudonym import load_or_create_key
from edu.sharing_domain import SharingDomainError, domain_ids, recognise
from ingest.landing import collect
from ingest.submission import Options
from warehouse.sharing.oneroster import ExportError, write_oneroster

PUPILS = [(f"xjh:{number:032x}", "S2142000001", "1601" if number % 2 else "1602") for number in range(1, 6)]
"""Five pupils; the sixth has no identifier, the seventh left, the eighth is in another school and grade."""
TEACHER = f"gh@school:{77:032x}"
PERIOD = "2024-2025/1"


@pytest.fixture
def home(edu_home: Home) -> Home:
    load_or_create_key(edu_home)
    with duckdb.connect(str(edu_home.warehouse)) as c:
        c.execute("create schema storage")
        c.execute(
            "create table storage.dim_school as select *, '2142' as founded_ym, '2024-2025/1' as period from (values "
            "('S2142000001', '2142000001', '第一小学', '211', '411', '421002', '421002001', '111', '421002', false), "
            "('S2142000009', '3142000002', '=第二中学', '311', '411', '421003', null, '111', '421000', true)) as v("
            "school_id, school_code, school_name, school_kind_code, sponsor_code, division_code, township_code, "
            "urban_rural_code, managing_org, is_boarding)"
        )
        c.execute("update storage.dim_school set founded_ym = '195009'")
        c.execute(
            "create table storage.dim_division as select * from (values ('421000', '荆州市', true), "
            "('421002', '沙市区', true), ('421003', '荆州区', true), ('421024', '江陵县', true)) as v("
            "division_code, division_name, is_current)"
        )
        c.execute(
            "create table storage.dim_grade as select * from (values ('16', '六年级'), ('21', '七年级'), ('41', '中职一年级'))"
            " as v(grade_code, grade_name)"
        )
        c.execute(
            f"create table storage.dim_class as select *, '{PERIOD}' as period, date '2024-09-01' as snapshot_date, "
            "'10' as class_kind_code, cast(3 as bigint) as reported_pupils from (values "
            "('S2142000001', '1601', '2019级1班', '16'), ('S2142000001', '1602', '2019级2班', '16'), "
            "('S2142000009', '2101', '2024级1班', '21'), ('S2142000009', '4101', '2024级9班', '41')) as v("
            "school_id, class_code, class_name, grade_code)"
        )
        c.execute(
            "create table storage.fct_enrolment_snapshot (person_id varchar, school_id varchar, class_code varchar, "
            "grade_code varchar, is_enrolled boolean)"
        )
        c.executemany(
            "insert into storage.fct_enrolment_snapshot values (?, ?, ?, ?, ?)",
            [
                *((*pupil, "16", True) for pupil in PUPILS),
                ("2142000001/1601/6", "S2142000001", "1601", "16", True),
                (f"xjh:{99:032x}", "S2142000001", "1601", "16", False),
                (f"xjh:{8:032x}", "S2142000009", "4101", "41", True),
            ],
        )
        c.execute(
            "create or replace table storage.fct_enrolment_snapshot as select *, case when is_enrolled then '01' else '05' end as status_code, "
            f"'{PERIOD}' as period, date '2024-09-01' as snapshot_date, '1' as sex_code, date '2012-09-05' as birth_date, "
            "'01' as ethnicity_code, '1' as boarding_code from storage.fct_enrolment_snapshot"
        )
        c.execute(
            f"create table storage.fct_staff_snapshot as select '{TEACHER}' as person_id, 'S2142000001' as school_id, "
            f"'{PERIOD}' as period, date '2024-09-01' as snapshot_date, true as is_in_service, '11' as staff_category_code, "
            "'11' as staff_status_code, '21' as education_code, null as title_code, '13' as subject_code, "
            "true as is_establishment, false as is_backbone, true as has_certificate, '2' as sex_code, "
            "date '1980-01-01' as birth_date"
        )
        c.execute(
            "create table storage.bridge_class_homeroom as select 'S2142000001' as school_id, '1601' as class_code, "
            f"'{PERIOD}' as period, date '2024-09-01' as snapshot_date, '{TEACHER}' as person_id"
        )
        c.execute("create table storage.map_restriction (person_id varchar)")
    return edu_home


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_structure_of_a_city(home: Home, tmp_path: Path) -> None:
    folder = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "out")
    orgs = {row["sourcedId"]: (row["type"], row["identifier"], row["parentSourcedId"]) for row in table(folder, "orgs")}
    assert orgs == {
        "D420000": ("state", "420000", ""),
        "D421000": ("local", "421000", "D420000"),
        "D421002": ("district", "421002", "D421000"),
        "S2142000001": ("school", "2142000001", "D421002"),
        "S2142000009": ("school", "3142000002", "D421000"),
    }
    sessions = [(row["sourcedId"], row["type"], row["startDate"], row["endDate"], row["parentSourcedId"]) for row in table(folder, "academicSessions")]  # fmt: skip
    assert sessions == [
        ("2024-2025", "schoolYear", "2024-09-01", "2025-08-31", ""),
        ("2024-2025-1", "semester", "2024-09-01", "2025-02-28", "2024-2025"),
    ]
    assert {(row["sourcedId"], row["title"], row["grades"]) for row in table(folder, "courses")} == {
        ("homeroom-16", "六年级", "06"),
        ("homeroom-21", "七年级", "07"),
        ("homeroom-41", "中职一年级", ""),
    }
    assert len(table(folder, "users")) == 8
    assert sorted(row["role"] for row in table(folder, "roles")) == ["student"] * 7 + ["teacher"]
    enrolled = [(row["classSourcedId"], row["role"], row["primary"]) for row in table(folder, "enrollments")]
    assert len(enrolled) == 8
    assert [row for row in enrolled if row[1] != "student"] == [("S2142000001-1601", "teacher", "true")]
    assert not (folder / "demographics.csv").exists()
    # The name that a spreadsheet would take for a formula is made harmless.
    assert [row["name"] for row in table(folder, "orgs") if row["sourcedId"] == "S2142000009"] == ["'=第二中学"]


def test_a_school_and_a_county_get_their_own_only(home: Home, tmp_path: Path) -> None:
    for org in ("2142000001", "421002"):
        folder = write_oneroster(home, org, PERIOD, "lms", tmp_path / org)
        assert [row["sourcedId"] for row in table(folder, "orgs") if row["type"] == "school"] == ["S2142000001"]
        assert len(table(folder, "users")) == 7
    with pytest.raises(ExportError, match="has no school"):
        write_oneroster(home, "421024", PERIOD, "lms", tmp_path / "none")
    # The other school lies in this district, but the city manages it.
    with pytest.raises(ExportError, match="has no school"):
        write_oneroster(home, "421003", PERIOD, "lms", tmp_path / "none")
    with pytest.raises(ExportError, match="is no term"):
        write_oneroster(home, "421002", "2024-2025", "lms", tmp_path / "none")
    with pytest.raises(SharingDomainError):
        write_oneroster(home, "421002", PERIOD, "../x", tmp_path / "none")


@pytest.mark.parametrize("others", [["notes.txt"], ["manifest.csv", "notes.txt"], ["users.csv"]])
def test_a_folder_of_other_things_is_not_replaced(home: Home, tmp_path: Path, others: list[str]) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    for name in others:
        (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="holds other things"):
        write_oneroster(home, "421000", PERIOD, "lms", out)
    assert sorted(path.name for path in out.iterdir()) == sorted(others)


def test_an_earlier_bundle_and_an_empty_folder_are_replaced(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for _ in range(2):
        folder = write_oneroster(home, "421000", PERIOD, "lms", out)
    assert table(folder, "orgs")


def test_two_domains_have_nothing_in_common_and_no_pseudonym_leaves(home: Home, tmp_path: Path) -> None:
    ids = []
    for domain in ("lms", "library"):
        folder = write_oneroster(home, "421000", PERIOD, domain, tmp_path / domain, has_demographics=True)
        ids.append({row["sourcedId"] for row in table(folder, "users")})
        content = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
        assert not any(f"{number:032x}" in content for number in (*range(1, 9), 77, 99))
        people = table(folder, "demographics")
        foreign = ("asian", "white", "hispanicOrLatinoEthnicity", "blackOrAfricanAmerican")
        assert {row[name] for row in people for name in foreign} == {""}
        assert {row["identifier"] + row["password"] + row["phone"] for row in table(folder, "users")} == {""}
    assert not ids[0] & ids[1]


def test_the_same_content_is_the_same_zip(home: Home, tmp_path: Path) -> None:
    first = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "a.zip")
    second = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    assert "manifest.csv" in zipfile.ZipFile(first).namelist()


def lake(home: Home, dataset: str, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {columns} from read_parquet('{home.lake}/{dataset}/*/b*.parquet') order by all"
    ).fetchall()


def test_structure_survives_export_and_collection(home: Home, tmp_path: Path) -> None:
    path = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "out.zip", has_demographics=True)
    result = collect([path], home=home, options=Options(org="421000", period=PERIOD))
    assert {r.dataset: (r.status, r.rows_read) for r in result.receipts} == {
        "school": ("accepted", 2),
        "class": ("accepted", 4),
        "staff": ("accepted", 1),
        "student": ("accepted", 7),
    }
    # What the platform wrote is in its own form: nothing had to be mended.
    assert {r.dataset: r.findings.get("fix", 0) for r in result.receipts} == dict.fromkeys(
        ("school", "class", "staff", "student"), 0
    )
    # The school whose code changed since keeps the code valid in the term.
    assert lake(
        home, "school", "school_code, school_name, school_kind_code, managing_org, is_boarding, founded_ym"
    ) == [
        ("2142000001", "第一小学", "211", "421002", False, "195009"),
        ("3142000002", "=第二中学", "311", "421000", True, "195009"),
    ]
    assert lake(home, "class", "school_code, class_code, class_name, grade_code, class_kind_code, reported_pupils") == [
        ("2142000001", "1601", "2019级1班", "16", "10", 3),
        ("2142000001", "1602", "2019级2班", "16", "10", 3),
        ("3142000002", "2101", "2024级1班", "21", "10", 3),
        ("3142000002", "4101", "2024级9班", "41", "10", 3),
    ]
    enrolled = lake(home, "student", "row_key, school_code, class_code, grade_code, status_code, sex_code")
    known = [row for row in enrolled if row[0].startswith("xjh:")]
    assert known == sorted(
        [(person, "2142000001", code, "16", "01", "1") for person, _, code in PUPILS]
        + [(f"xjh:{8:032x}", "3142000002", "4101", "41", "01", "1")]
    )
    assert len(enrolled) == 7
    assert ("2142000001/1601/6", "2142000001", "1601", "16", "01", "1") in enrolled
    assert lake(home, "staff", "row_key, school_code, staff_category_code, is_establishment, has_certificate") == [
        (TEACHER, "2142000001", "11", True, True)
    ]
    assert lake(home, "class", "class_code, homeroom_sourced_id_key, homeroom_staff_no_key") == [
        ("1601", TEACHER, None),
        *((code, None, None) for code in ("1602", "2101", "4101")),
    ]


def test_whose_data_may_not_be_shown_goes_to_no_other_system(home: Home, tmp_path: Path) -> None:
    with duckdb.connect(str(home.warehouse)) as c:
        c.executemany("insert into storage.map_restriction values (?)", [[PUPILS[0][0]], [TEACHER]])
    folder = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "out", has_demographics=True)
    hidden = set(domain_ids(load_or_create_key(home), "lms", [PUPILS[0][0], TEACHER]))
    content = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert not [identity for identity in hidden if identity in content]
    assert [len(table(folder, name)) for name in ("users", "roles", "enrollments", "demographics")] == [6] * 4


PLACES = ["2142000001/1601/6", f"row:s{3:031x}/五（1）班/12", "2142000001/1601/61"]


def test_an_id_of_ours_is_known_only_as_it_was_given(home: Home) -> None:
    key = load_or_create_key(home)
    persons = [f"xjh:{1:032x}", TEACHER, *PLACES]
    mine = domain_ids(key, "lms", persons)
    assert recognise(key, [f"jz-lms/{one}" for one in mine]) == persons
    changed = mine[0][:-1] + ("0" if mine[0][-1] != "0" else "1")
    other_person = mine[0][:2] + mine[1][2:]
    assert recognise(key, [f"jz-lms/{changed}", f"jz-lms/{other_person}", f"jz-other/{mine[0]}", f"lms/{mine[0]}"]) == [
        None,
        None,
        None,
        None,
    ]


def test_an_id_of_a_place_tells_nothing_and_cannot_be_made_up(home: Home) -> None:
    key = load_or_create_key(home)
    mine, others = (domain_ids(key, domain, PLACES) for domain in ("lms", "library"))
    assert not set(mine) & set(others)
    assert mine == domain_ids(key, "lms", PLACES)
    assert all(one.isalnum() and one.islower() and len(one) < 200 for one in mine)
    # One sign changed anywhere, cut or longer: nobody.
    letters = "0123456789abcdefghijklmnopqrstuv"
    forged = [
        mine[0][:at] + letters[letters.index(mine[0][at]) ^ 1] + mine[0][at + 1 :] for at in range(2, len(mine[0]))
    ]
    forged += [mine[0][:-1], mine[0] + "0", mine[0] + "00000000"]
    assert set(recognise(key, [f"jz-lms/{one}" for one in forged])) == {None}
    assert recognise(key, [f"jz-library/{mine[0]}"]) == [None]


def test_the_ethnic_group_goes_with_demographics_only(home: Home, tmp_path: Path) -> None:
    for has_demographics, told in ((True, {"01", ""}), (False, {""})):
        folder = write_oneroster(home, "421000", PERIOD, "lms", tmp_path / "out", has_demographics=has_demographics)
        assert {row["metadata.jyt.ethnicity_code"] for row in table(folder, "roles")} == told
        assert (folder / "demographics.csv").exists() == has_demographics
