"""Bundles as other systems write them: every column of OneRoster 1.1 and 1.2, their habits, and what comes of each record."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rosters import id_number

from edu.paths import Home
from edu.pseudonym import load_key, pseudonyms
from ingest.landing import collect
from ingest.receipt import Receipt
from ingest.submission import Options

S1, S2 = "2142000001", "2142000002"
ROLL = f"G{id_number(1)}"
Texts = dict[str, str]

MANIFEST_11 = """propertyName,value
manifest.version,1.0
oneroster.version,1.1
file.academicSessions,bulk
file.categories,bulk
file.classes,bulk
file.classResources,absent
file.courses,bulk
file.courseResources,absent
file.demographics,bulk
file.enrollments,bulk
file.lineItems,absent
file.orgs,bulk
file.resources,absent
file.results,bulk
file.users,bulk
source.systemName,Campus One
source.systemCode,campus-1
"""
ORGS = f"""sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId
p1,,,湖北省,state,,
c1,,,荆州市,local,,p1
d1,,,沙市区教育局,district,421002,c1
s1,,,第一小学,school,{S1},d1
s2,,,第二小学,school,{S2},d1
g1,,,数学组,department,,s1
"""
SESSIONS = """sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear
y1,,,2024-2025,schoolYear,2024-09-01,2025-08-31,,2025
t1,,,Term 1,term,2024-09-01,2025-02-28,y1,2025
"""
COURSES = """sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes
k6,,,y1,Grade 6,G6,06,s1,,
"""
CLASSES = """sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods
a1,,,2019级1班,06,k6,A1,homeroom,Room 1,s1,"t1,y1",,,"1,2"
a2,,,2019级2班,"06,07",k6,A2,homeroom,,s1,t1,,,
b1,,,2019级1班,06,,B1,homeroom,,s2,t1,,,
m1,,,Maths,06,k6,M1,scheduled,,s1,t1,Maths,10,3
"""
# u2 may not log in, which is no reason not to be counted; u4 is in a department of the school; t1 serves the district too.
USERS_11 = f"""sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password
u1,,,true,s1,student,u1@x,"{{LDAP:u1}},{{xjh:{ROLL}}}",小明,王,,S-1,u1@x,,,g9,06,Secret-1
u2,,,false,"s1,s2",student,u2@x,{{LTI:u2}},小红,李,,S-2,,,,,06,Secret-2
u3,,,true,s2,student,u3@x,,小刚,赵,,S-3,,,,"g9,g8",KG,Secret-3
u4,,,true,g1,student,u4@x,,小美,钱,,S-4,,,,,"06,07",Secret-4
u5,,,true,d1,student,u5@x,,小军,孙,,S-5,,,,,06,Secret-5
t1,,,true,"s1,d1",teacher,t1@x,,老师,张,,T001,,13800000001,,,,Secret-6
t2,,,true,s2,aide,t2@x,,助教,周,,T002,,,,,,Secret-7
t3,,,true,d1,administrator,t3@x,,科长,吴,,T003,,,,,,Secret-8
g9,,,true,s1,guardian,g9@x,,大明,王,,,,,,,,Secret-9
"""
ENROLLMENTS = """sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate
e1,,,a1,s1,u1,student,false,2024-09-01,2025-06-30
e2,,,a2,s1,u2,student,,,
e3,,,b1,s2,u2,student,,,
e4,,,m1,s1,u1,student,,,
e5,,,a1,s1,t1,teacher,true,,
e6,,,a2,s1,t1,teacher,false,,
"""
DEMOGRAPHICS = """sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus
u1,,,2012-09-05,male,false,true,false,false,false,false,false,CN,,,
u2,,,2012-10-06,female,,true,,,,,,,,,
u3,,,2018-11-07,unspecified,,,,,,,,,,,
"""
EMPTY = "sourcedId,status,dateLastModified,title\n"


def version_11() -> Texts:
    """Return a bulk bundle of OneRoster 1.1, with an optional file of a header alone and one of nothing."""
    return {
        "manifest": MANIFEST_11,
        "orgs": ORGS,
        "academicSessions": SESSIONS,
        "courses": COURSES,
        "classes": CLASSES,
        "users": USERS_11,
        "enrollments": ENROLLMENTS,
        "demographics": DEMOGRAPHICS,
        "categories": EMPTY,
        "results": "",
    }


def version_12() -> Texts:
    """Return the same in the columns of OneRoster 1.2: no role or organisation with the user, but `roles.csv`."""
    files = version_11()
    rows = [line for line in USERS_11.splitlines()[1:]]
    users = [
        "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,"
        "phone,agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,"
        "preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns,metadata.vendor.colour"
    ]
    roles = [
        "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId"
    ]
    import csv

    for row in csv.reader(rows):
        identity, enabled, orgs, role, *rest = row[0], row[3], row[4].split(","), row[5], *row[6:]
        cells = [identity, "", "", enabled, *rest, "", "", "", "", "", orgs[0], "", "red"]
        users.append(",".join(f'"{cell}"' if "," in cell else cell for cell in cells))
        for number, org in enumerate(orgs):
            kind = "primary" if number == 0 else "secondary"
            roles.append(f"r-{identity}-{org},,,{identity},{kind},{role},2024-09-01,2025-08-31,{org},")
    profiles = "sourcedId,status,dateLastModified,userSourcedId,profileType,vendorId,credentialType,username,password\n"
    return {
        **files,
        "manifest": MANIFEST_11.replace("oneroster.version,1.1", "oneroster.version,1.2")
        + "file.roles,bulk\nfile.userProfiles,bulk\nfile.scoreScales,absent\n",
        "users": "\n".join(users) + "\n",
        "roles": "\n".join(roles) + "\n",
        "userProfiles": profiles,
    }


def write(path: Path, files: Texts, inside: str = "", encode: Callable[[str], bytes] = str.encode) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{inside}{name}.csv", encode(text))
    return path


def land(home: Home, path: Path) -> dict[str | None, Receipt]:
    options = Options(org="421002", period="2024-2025/1")
    return {receipt.dataset: receipt for receipt in collect([path], home=home, options=options).receipts}


def counts(found: dict[str | None, Receipt]) -> dict[str | None, tuple[int, int]]:
    """Return rows accepted and quarantined by dataset."""
    return {name: (receipt.rows_accepted, receipt.rows_quarantined) for name, receipt in found.items()}


def rows(home: Home, dataset: str, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select {columns} from read_parquet('{home.lake}/{dataset}/*/b*.parquet') order by all"
    ).fetchall()


def reasons(home: Home, dataset: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        f"select reason_code, count(*) from read_parquet('{home.runs}/finding/*.parquet') "
        "where dataset = ? and severity in ('quarantine', 'reject') group by all order by all",
        [dataset],
    ).fetchall()


PUPILS = [
    (S1, "16", "a1", "1", "2012-09-05"),
    (S1, "16", "a2", "2", "2012-10-06"),
    (S1, "16", None, None, None),
    (S2, "03", None, "9", "2018-11-07"),
    (S2, "16", "b1", "2", "2012-10-06"),
]


def check(home: Home, found: dict[str | None, Receipt], homeless_staff: int) -> None:
    """Compare what landed with what the hand counts in the bundle."""
    # A registry entry lacks what only the bureau knows. u5 belongs to no school, t3 to the district alone.
    assert counts(found) == {"school": (0, 2), "class": (3, 0), "student": (5, 1), "staff": (2, homeless_staff)}
    columns = "school_code, grade_code, class_code, sex_code, cast(birth_date as varchar)"
    assert rows(home, "student", columns) == sorted(PUPILS, key=lambda row: tuple((x is None, x or "") for x in row))
    assert rows(home, "staff", "school_code, staff_category_code, staff_no_key is not null") == [
        (S1, "11", True),
        (S2, "12", True),
    ]
    assert rows(home, "class", "school_code, class_code, grade_code, homeroom_staff_no_key is not null") == [
        (S1, "a1", "16", True),
        (S1, "a2", "16", False),
        (S2, "b1", "16", False),
    ]
    # The roll number stands among other ids of the user.
    roll = pseudonyms(load_key(home), "xjh", [ROLL])[0]
    assert rows(home, "student", "distinct row_key")[-1] == (f"xjh:{roll}",)
    assert reasons(home, "student") == [("value_missing", 1)]
    kept = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"Secret-" not in kept


def test_version_11_as_systems_write_it(edu_home: Home, tmp_path: Path) -> None:
    check(edu_home, land(edu_home, write(tmp_path / "b.zip", version_11())), homeless_staff=1)


def test_version_12_says_the_same(edu_home: Home, tmp_path: Path) -> None:
    # There a role is a record, so the teacher's role in the district is one that no school has.
    check(edu_home, land(edu_home, write(tmp_path / "b.zip", version_12())), homeless_staff=2)


def shout(text: str) -> str:
    """Return a file with its header in capitals and a column that nobody knows, empty, at the end."""
    header, _, body = text.partition("\n")
    if not header or header.startswith("propertyName"):
        return text
    return f"{header.upper()},X-UNKNOWN\n" + "".join(f"{line},\n" for line in body.splitlines())


@pytest.mark.parametrize(
    ("inside", "change", "encode"),
    [
        ("", lambda text: text, lambda text: b"\xef\xbb\xbf" + text.encode()),
        ("", lambda text: text.replace("\n", "\r\n"), str.encode),
        ("", lambda text: text.replace("\n", "\r\n"), lambda text: b"\xef\xbb\xbf" + text.encode()),
        ("export/2024/", lambda text: text, str.encode),
        ("", shout, str.encode),
        ("", lambda text: text, lambda text: text.encode("gb18030")),
        ("", lambda text: text.rstrip("\n"), str.encode),
    ],
    ids=["mark", "crlf", "mark_crlf", "folder", "header", "gb18030", "no_last_end"],
)
@pytest.mark.parametrize("version", [version_11, version_12])
def test_habits_of_writers_change_nothing(
    edu_home: Home,
    tmp_path: Path,
    version: Callable[[], Texts],
    inside: str,
    change: Callable[[str], str],
    encode: Callable[[str], bytes],
) -> None:
    files = {name: change(text) for name, text in version().items()}
    path = write(tmp_path / "b.zip", files, inside, encode)
    with zipfile.ZipFile(path, "a") as archive:
        # What a Mac puts into a zip is no file of the bundle.
        archive.writestr("__MACOSX/._users.csv", b"\x00\x05\x16\x07")
        archive.writestr(f"{inside}readme.txt", "see the manifest")
    check(edu_home, land(edu_home, path), homeless_staff=1 if version is version_11 else 2)


@pytest.mark.parametrize(
    ("written", "landed"),
    [
        ("2012-09-05", "2012-09-05"),
        ("2012-09-05T00:00:00.000Z", "2012-09-05"),
        ("2012-09-05T00:00:00Z", "2012-09-05"),
        ("2012/9/5", "2012-09-05"),
        ("9/25/2012", "2012-09-25"),
        ("09/05/2012", None),
        ("someday", None),
    ],
)
def test_dates_of_birth(edu_home: Home, tmp_path: Path, written: str, landed: str | None) -> None:
    files = version_11()
    files["demographics"] = files["demographics"].replace("2012-09-05", written)
    found = land(edu_home, write(tmp_path / "b.zip", files))
    assert counts(found)["student"] == (5, 1)
    mine = "max(cast(birth_date as varchar)) filter (where class_code = 'a1')"
    assert rows(edu_home, "student", mine) == [(landed,)]
    assert found["student"].rows_incomplete >= (landed is None)


@pytest.mark.parametrize(
    ("change", "datasets", "problem"),
    [
        # An optional file that is not there, though the manifest says so, and one that is empty.
        (lambda f: f.pop("demographics"), None, "declares demographics.csv"),
        (lambda f: f.pop("categories"), None, "declares categories.csv"),
        (lambda f: f.update(demographics=f["demographics"].split("\n")[0] + "\n"), {"student": (5, 1)}, None),
        (lambda f: f.update(demographics=""), {"student": (5, 1)}, None),
        # One that says who is in which class, and says not even that nobody is.
        (lambda f: f.update(enrollments=""), {"student": (0, 0), "class": (0, 0)}, "enrollments.csv has no header"),
        (lambda f: f.update(classes=CLASSES.split("\n")[0] + "\n"), {"student": (5, 1), "class": (0, 0)}, None),
        (lambda f: f.update(users=""), {"class": (0, 0), "student": (0, 0), "staff": (0, 0)}, "users.csv has no header"),
        # A record that is wider than its header cannot be told apart.
        (lambda f: f.update(orgs=f["orgs"] + "s9,,,三小,school,,d1,x,y\n"), {}, "orgs.csv has 9 columns"),
        (lambda f: f.update(users=f["users"].replace("givenName,familyName", "givenName,givenName")), {}, "givenname twice"),
        (lambda f: f.update(manifest=MANIFEST_11.replace(",1.1", ",1.0")), None, "OneRoster 1.0 is not read"),
    ],
)  # fmt: skip
def test_what_is_missing_or_broken_is_said(
    edu_home: Home,
    tmp_path: Path,
    change: Callable[[Texts], Any],
    datasets: dict[str, tuple[int, int]] | None,
    problem: str | None,
) -> None:
    files = version_11()
    change(files)
    found = land(edu_home, write(tmp_path / "b.zip", files))
    for name, expected in (datasets or {}).items():
        assert counts(found)[name] == expected, name
    if datasets is None:
        # The bundle as a whole is refused, and nothing of it lands.
        assert [receipt.status for receipt in found.values()] == ["rejected"] * 4
        assert not list(edu_home.lake.glob("*/*/b*.parquet"))
    if problem:
        assert any(problem in str(receipt.message) for receipt in found.values()), [r.message for r in found.values()]
