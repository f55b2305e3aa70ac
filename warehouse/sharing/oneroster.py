"""A OneRoster 1.2 bundle of a school or county, for a learning platform.

Persons carry ids of the receiver's domain and no name, number, telephone or address. JY/T fields stand in
`metadata.jyt.*` columns, which the standard allows; those of other countries' ethnic groups stay empty. The bundle can
be collected again: schools, classes and persons are then known by their ids.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa

from edu.codes import seed_rows
from edu.duck import connect
from edu.errors import EduError, ExitCode
from edu.paths import Home
from edu.pseudonym import load_key
from edu.sharing_domain import SYSTEM_PREFIX, check_domain, domain_ids
from warehouse import built

CITY = "421000"
PROVINCE = "420000"
ORG_SHAPE = re.compile(r"\d{6}|[0-9A-Z]{10}")
TERM_SHAPE = re.compile(r"(\d{4})-(\d{4})/([12])")
FORMULA = "^''*[=+@-]"
FILES = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "enrollments")
OTHER_FILES = (
    *("categories", "classResources", "courseResources", "lineItems", "lineItemLearningObjectiveIds"),
    *("lineItemScoreScales", "resources", "results", "resultLearningObjectiveIds", "resultScoreScales", "scoreScales"),
    *("userProfiles", "userResources"),
)
MANIFEST = "manifest.csv"
BUNDLE_FILES = {MANIFEST, *(f"{name}.csv" for name in (*FILES, "demographics"))}
STUDENT_METADATA = ("grade_code", "class_code", "status_code", "boarding_code", "ethnicity_code")
STAFF_METADATA = (
    *("staff_category_code", "staff_status_code", "education_code", "title_code", "subject_code"),
    *("is_establishment", "is_backbone", "has_certificate"),
)

SCHOOL_METADATA = (
    *("school_code", "school_kind_code", "sponsor_code", "division_code", "township_code", "urban_rural_code"),
    *("managing_org", "founded_ym", "is_boarding"),
)
CLASS_METADATA = ("class_name", "grade_code", "class_kind_code", "reported_pupils")
PERSON_TABLES = ("storage.bridge_class_homeroom", "storage.fct_enrolment_snapshot", "storage.fct_staff_snapshot")
"""What a bundle takes persons from."""


class ExportError(EduError):
    """The bundle cannot be made as asked."""

    exit_code = ExitCode.USAGE


def write_oneroster(
    home: Home, org: str, period: str, domain: str, out: Path, *, has_demographics: bool = False
) -> Path:
    """Write the bundle; return its path, a zip where `out` ends so, else a folder that is replaced whole.

    Args:
        home: the installation, whose warehouse is read.
        org: school code, division code of the county that manages the schools, or 421000 for all of the city.
        period: a term, `2024-2025/1`.
        domain: the receiver's pseudonym domain.
        out: where to write.
        has_demographics: whether birth date, sex and ethnic group go with it.

    Raises:
        ExportError: organisation or period is none, or has no school in the warehouse; or `out` is a folder that holds
            other things than an earlier bundle, which would be lost.
        SharingDomainError: the domain has a name that cannot be.
        WarehouseError, BusyError: nothing has been built, or it is being built.
    """
    check_domain(domain)
    if not ORG_SHAPE.fullmatch(org):
        raise ExportError(f"organisation {org!r}: give a school code or a division code.")
    if not TERM_SHAPE.fullmatch(period):
        raise ExportError(f"period {period!r} is no term; write it like 2024-2025/1.")
    check_place(out)
    scratch = Path(tempfile.mkdtemp(dir=home.tmp))
    try:
        with built.reading(home), connect() as connection:
            connection.execute(f"attach '{home.warehouse}' as w (read_only)")
            _select_scope(connection, org, period)
            if not has_demographics:
                connection.execute("update pupil set ethnicity_code = null")
            _name_persons(connection, home, domain)
            bundle = scratch / "bundle"
            bundle.mkdir()
            names = (*FILES, "demographics") if has_demographics else FILES
            for name, select in _selects(period).items():
                if name in names:
                    _write(connection, select, bundle / f"{name}.csv")
            _write_manifest(bundle / MANIFEST, names, domain)
        return _put(bundle, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _select_scope(connection: duckdb.DuckDBPyConnection, org: str, period: str) -> None:
    """Make `school`, `class`, `pupil` and `member`: the schools of an organisation and who is in them and may be shown."""
    # Who manages a school decides, not where it lies, as in the row policies (ADR 0007): a city's school in a district
    # is the city's, and its persons do not go out with the district's.
    scope = {6: "managing_org = $org", 10: "school_code = $org"}[len(org)]
    connection.execute(
        f"create temp table school as select * from w.storage.dim_school where period = $period and "
        f"({'true or $org is null' if org == CITY else scope})",
        {"period": period, "org": org},
    )
    if not connection.execute("select 1 from school limit 1").fetchone():
        raise ExportError(f"organisation {org} has no school in {period}; check the code, or build first.")
    for name, table, condition in (
        ("class", "dim_class", "true"),
        ("pupil", "fct_enrolment_snapshot", "is_enrolled"),
        ("member", "fct_staff_snapshot", "is_in_service"),
    ):
        # The term's newest snapshot of each school.
        connection.execute(
            f"create temp table {name} as select t.* from w.storage.{table} as t inner join school on "
            f"school.school_id = t.school_id where t.period = $period and {condition} qualify t.snapshot_date = "
            "max(t.snapshot_date) over (partition by t.school_id)",
            {"period": period},
        )
    for name in ("pupil", "member"):
        # Persons whose data may not be shown go to no other system; the newest snapshot is chosen before.
        connection.execute(f"delete from {name} where person_id in (select person_id from w.storage.map_restriction)")


def _name_persons(connection: duckdb.DuckDBPyConnection, home: Home, domain: str) -> None:
    """Make `person` (person_id, sourced_id) and `grade_name` (grade_code, oneroster_grade)."""
    rows = connection.execute(
        "select distinct person_id from (select person_id from pupil union all select person_id from member) order by 1"
    ).fetchall()
    persons = [row[0] for row in rows]
    table = pa.table({
        "person_id": pa.array(persons, pa.string()),
        "sourced_id": pa.array(domain_ids(load_key(home), domain, persons), pa.string()),
    })  # fmt: skip
    grades = [row for row in seed_rows("oneroster_grade") if row["is_export"] == "true"]
    known = pa.table({
        "grade_code": [row["grade_code"] for row in grades],
        "oneroster_grade": [row["oneroster_grade"] for row in grades],
    })  # fmt: skip
    for name, content in (("person", table), ("grade_export", known)):
        connection.register("content", content)
        connection.execute(f"create temp table {name} as select * from content")
        connection.unregister("content")


def quoted(name: str) -> str:
    """Return a column name in quotes."""
    return f'"{name}"'


def _coded(alias: str, name: str) -> str:
    """Return SQL of a JY/T value as its code: flags are 1 and 0."""
    value = f"cast({alias}.{name} as integer)" if name.startswith(("is_", "has_")) else f"{alias}.{name}"
    return f"cast({value} as varchar)"


def _metadata(alias: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{_coded(alias, name)} as {quoted(f'metadata.jyt.{name}')}" for name in names)


def _no_metadata(names: tuple[str, ...]) -> str:
    return ", ".join(f"cast(null as varchar) as {quoted(f'metadata.jyt.{name}')}" for name in names)


def _selects(period: str) -> dict[str, str]:
    """Return the SELECT of each file, in the column order of OneRoster 1.2, ordered by id."""
    match = TERM_SHAPE.fullmatch(period)
    assert match
    first, second, term = int(match[1]), int(match[2]), match[3]
    year_id, term_id = f"{first}-{second}", f"{first}-{second}-{term}"
    leap = second % 4 == 0 and (second % 100 != 0 or second % 400 == 0)
    start, end = (
        (f"{first}-09-01", f"{second}-02-{29 if leap else 28}")
        if term == "1"
        else (f"{second}-03-01", f"{second}-08-31")
    )
    base = "'' as status, '' as \"dateLastModified\""
    class_id = "k.school_id || '-' || k.class_code"
    roles = f"""
        select person.sourced_id || '-' || p.school_id || '-s' as "sourcedId", {base}, person.sourced_id as "userSourcedId",
            'primary' as "roleType", 'student' as role, '' as "beginDate", '' as "endDate", p.school_id as "orgSourcedId",
            '' as "userProfileSourcedId", {_metadata("p", STUDENT_METADATA)},
            {_no_metadata(STAFF_METADATA)}
        from pupil as p inner join person on person.person_id = p.person_id
        union all
        select person.sourced_id || '-' || m.school_id || '-t', '', '', person.sourced_id, 'primary',
            case m.staff_category_code when '11' then 'teacher' when '12' then 'aide' else 'siteAdministrator' end,
            '', '', m.school_id, '', {", ".join("null" for _ in STUDENT_METADATA)},
            {", ".join(_coded("m", name) for name in STAFF_METADATA)}
        from member as m inner join person on person.person_id = m.person_id
    """
    return {
        "orgs": f"""
            select 'D{PROVINCE}' as "sourcedId", {base}, '湖北省' as name, 'state' as type, '{PROVINCE}' as identifier,
                '' as "parentSourcedId", {_no_metadata(SCHOOL_METADATA)}
            union all
            select 'D' || d.division_code, '', '', d.division_name,
                case when d.division_code = '{CITY}' then 'local' else 'district' end, d.division_code,
                case when d.division_code = '{CITY}' then 'D{PROVINCE}' else 'D{CITY}' end,
                {", ".join("null" for _ in SCHOOL_METADATA)}
            from w.storage.dim_division as d
            where d.is_current and (d.division_code = '{CITY}' or d.division_code in (select managing_org from school))
            union all
            select s.school_id, '', '', s.school_name, 'school', s.school_code, 'D' || s.managing_org,
                {", ".join(_coded("s", name) for name in SCHOOL_METADATA)}
            from school as s
            order by 1
        """,
        "academicSessions": f"""
            select '{year_id}' as "sourcedId", {base}, '{year_id}学年' as title, 'schoolYear' as type,
                '{first}-09-01' as "startDate", '{second}-08-31' as "endDate", '' as "parentSourcedId", '{second}' as "schoolYear"
            union all
            select '{term_id}', '', '', '{year_id}学年第{"一" if term == "1" else "二"}学期', 'semester', '{start}', '{end}',
                '{year_id}', '{second}'
            order by 1
        """,
        "courses": f"""
            select distinct 'homeroom-' || g.grade_code as "sourcedId", {base}, '{year_id}' as "schoolYearSourcedId",
                g.grade_name as title, g.grade_code as "courseCode", coalesce(e.oneroster_grade, '') as grades,
                '' as "orgSourcedId", '' as subjects, '' as "subjectCodes"
            from class as k
            inner join w.storage.dim_grade as g on g.grade_code = k.grade_code
            left join grade_export as e on e.grade_code = k.grade_code
            order by 1
        """,
        "classes": f"""
            select {class_id} as "sourcedId", {base}, coalesce(k.class_name, k.class_code) as title,
                coalesce(e.oneroster_grade, '') as grades, 'homeroom-' || k.grade_code as "courseSourcedId",
                k.class_code as "classCode", 'homeroom' as "classType", '' as location, k.school_id as "schoolSourcedId",
                '{term_id}' as "termSourcedIds", '' as subjects, '' as "subjectCodes", '' as periods,
                {_metadata("k", CLASS_METADATA)}
            from class as k left join grade_export as e on e.grade_code = k.grade_code
            order by 1
        """,
        "users": f"""
            select person.sourced_id as "sourcedId", {base}, 'true' as "enabledUser", person.sourced_id as username,
                '' as "userIds", right(person.sourced_id, 6) as "givenName", '匿名' as "familyName", '' as "middleName",
                '' as identifier, '' as email, '' as sms, '' as phone, '' as "agentSourcedIds",
                coalesce(min(e.oneroster_grade), '') as grades, '' as password, '' as "userMasterIdentifier",
                '' as "preferredGivenName", '' as "preferredMiddleName", '' as "preferredFamilyName",
                min(coalesce(p.school_id, m.school_id)) as "primaryOrgSourcedId", '' as pronouns
            from person
            left join pupil as p on p.person_id = person.person_id
            left join member as m on m.person_id = person.person_id
            left join grade_export as e on e.grade_code = p.grade_code
            group by person.sourced_id
            order by 1
        """,
        "roles": f"select * from ({roles}) as every_role order by 1",
        "enrollments": f"""
            select person.sourced_id || '-' || {class_id} as "sourcedId", {base}, {class_id} as "classSourcedId",
                k.school_id as "schoolSourcedId", person.sourced_id as "userSourcedId", 'student' as role, '' as "primary",
                '{start}' as "beginDate", '' as "endDate"
            from pupil as p
            inner join class as k on k.school_id = p.school_id and k.class_code = p.class_code
            inner join person on person.person_id = p.person_id
            union all
            select person.sourced_id || '-' || {class_id} || '-t', '', '', {class_id}, k.school_id, person.sourced_id,
                'teacher', 'true', '{start}', ''
            from w.storage.bridge_class_homeroom as h
            inner join class as k
                on k.school_id = h.school_id and k.class_code = h.class_code and k.snapshot_date = h.snapshot_date
            inner join member as m on m.school_id = h.school_id and m.person_id = h.person_id
            inner join person on person.person_id = m.person_id
            order by 1
        """,
        "demographics": f"""
            select distinct person.sourced_id as "sourcedId", {base}, cast(min(p.birth_date) as varchar) as "birthDate",
                case min(p.sex_code) when '1' then 'male' when '2' then 'female' else 'unspecified' end as sex,
                '' as "americanIndianOrAlaskaNative", '' as asian, '' as "blackOrAfricanAmerican",
                '' as "nativeHawaiianOrOtherPacificIslander", '' as white, '' as "demographicRaceTwoOrMoreRaces",
                '' as "hispanicOrLatinoEthnicity", '' as "countryOfBirthCode", '' as "stateOfBirthAbbreviation",
                '' as "cityOfBirth", '' as "publicSchoolResidenceStatus"
            from (select person_id, birth_date, sex_code from pupil union all select person_id, birth_date, sex_code from member)
                as p
            inner join person on person.person_id = p.person_id
            group by person.sourced_id
            order by 1
        """,
    }


def _write(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    """Write one file; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    columns = [row[0] for row in connection.execute(f"describe {select}").fetchall()]
    cells = ", ".join(
        f"case when regexp_matches({quoted(name)}, '{FORMULA}') then '''' || {quoted(name)} else coalesce({quoted(name)}, '') end as {quoted(name)}"
        for name in columns
    )
    connection.execute(f"copy (select {cells} from ({select}) as rows_) to '{path}' (format csv, header, nullstr '')")


def _write_manifest(path: Path, names: tuple[str, ...], domain: str) -> None:
    files = sorted({*FILES, "demographics", *OTHER_FILES})
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([
            ("propertyName", "value"),
            ("manifest.version", "1.0"),
            ("oneroster.version", "1.2"),
            *((f"file.{name}", "bulk" if name in names else "absent") for name in files),
            ("source.systemName", "荆州教育大数据平台"),
            ("source.systemCode", f"{SYSTEM_PREFIX}{domain}"),
        ])  # fmt: skip


def check_place(out: Path) -> None:
    """Let a bundle replace nothing but a bundle: files of ours beside a manifest, or a zip.

    Raises:
        ExportError: something else is there, which would be lost.
    """
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    is_bundle = MANIFEST in found and found <= BUNDLE_FILES if found else out.suffix.lower() == ".zip"
    if (found or out.is_file()) and not is_bundle:
        raise ExportError(f"{out.name}: holds other things than a bundle; name a folder that is new, or a .zip.")


def _put(bundle: Path, out: Path) -> Path:
    """Move the bundle to where it is wanted, whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.part")
    if out.suffix.lower() == ".zip":
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(bundle.iterdir()):
                # A fixed time, so that the same content is the same bytes.
                entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        aside.chmod(0o600)
    else:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(bundle, aside)
        shutil.rmtree(out, ignore_errors=True)
    aside.replace(out)
    return out
