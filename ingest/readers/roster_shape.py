"""Brings every form of roster to the same few tables: org, place, member, user, person, class, enrolment."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from edu.codes import seed_rows
from edu.identifiers import SCHOOL_CODE_SHAPE
from edu.sharing_domain import SYSTEM_PREFIX
from ingest.readers.roster_tables import Tables
from ingest.readers.table import literal
from ingest.roster import Roster

ABOVE_SCHOOLS = "('department', 'district', 'local', 'state', 'national', 'nation', 'ministryofeducation', 'region')"
"""Kinds of organisation that are no school; what belongs to them belongs to the nearest school above."""


def normalise(connection: duckdb.DuckDBPyConnection, roster: Roster, tables: Tables, prefix: str) -> None:
    """Make `<prefix>_org`, `_place`, `_member`, `_person`, `_class`, `_enrolment` and `_grade`."""
    shape = _v1_shape(tables) if roster.form == "sds_v1" else _shape(tables)
    for name, select in shape.items():
        connection.execute(f"create or replace temp table {prefix}_n{name} as {select}")
    grades = pa.table({
        "foreign_grade": [row["oneroster_grade"] for row in seed_rows("oneroster_grade")],
        "grade_code": [row["grade_code"] for row in seed_rows("oneroster_grade")],
    })  # fmt: skip
    connection.register("grade_rows", grades)
    connection.execute(f"create or replace temp table {prefix}_ngrade as select * from grade_rows")
    connection.unregister("grade_rows")
    is_own = literal(roster.system or "") + f" like '{SYSTEM_PREFIX}%'"
    connection.execute(
        f"""
        create or replace temp table {prefix}_nplace as
        with recursive climb as (
            select org_id, org_id as at_id, parent_id, org_type, 0 as steps from {prefix}_norg
            union all
            select c.org_id, o.org_id, o.parent_id, o.org_type, c.steps + 1
            from climb as c inner join {prefix}_norg as o on o.org_id = c.parent_id
            where c.org_type in {ABOVE_SCHOOLS} and c.steps < 20
        )
        select c.org_id, o.org_id as school_org_id,
            case when regexp_full_match(o.jyt_code, '{SCHOOL_CODE_SHAPE}') then o.jyt_code
                 when regexp_full_match(o.identifier, '{SCHOOL_CODE_SHAPE}') then o.identifier
                 else {bare_org("o.org_id", roster, is_own)} end as school_code
        from climb as c inner join {prefix}_norg as o on o.org_id = c.at_id
        where c.org_type not in {ABOVE_SCHOOLS}
        """
    )


def bare_org(org: str, roster: Roster, is_own: str | None = None) -> str:
    """Return SQL of the school of an organisation of which only the id is known."""
    own = is_own or literal(roster.system or "") + f" like '{SYSTEM_PREFIX}%'"
    return (
        f"case when {own} and regexp_full_match({org}, 'S[0-9A-Z]{{10}}') then substr({org}, 2) "
        f"else {literal(f'{roster.system}:')} || regexp_replace({org}, '[\\s:]', '_', 'g') end"
    )


def _empty(*columns: str) -> str:
    kinds = {"is_deleted": "boolean"}
    cells = ", ".join(f"cast(null as {kinds.get(name, 'varchar')}) as {name}" for name in columns)
    return f"select {cells}, 0 as row_number where false"


def deleted(tables: Tables, stem: str) -> str:
    return f"coalesce(lower({tables.column(stem, 'status')}) in ('tobedeleted', 'inactive', 'deleted'), false)"


def _shape(tables: Tables) -> dict[str, str]:
    """Return the SELECTs for OneRoster 1.1 and 1.2 and School Data Sync v2 and v2.1."""
    col = tables.column
    shape = {}
    shape["org"] = _empty("org_id", "name", "org_type", "identifier", "parent_id", "jyt_code")
    if tables.has("orgs"):
        shape["org"] = (
            f"select {col('orgs', 'sourcedId')} as org_id, {col('orgs', 'name')} as name, "
            f"lower(coalesce({col('orgs', 'type')}, 'school')) as org_type, {col('orgs', 'identifier')} as identifier, "
            f"{col('orgs', 'parentSourcedId')} as parent_id, {tables.jyt('orgs', 'school_code')} as jyt_code, "
            f"row_number_ as row_number from {tables.names['orgs']} as t"
        )
    person = _empty("user_id", "birth", "sex")
    if tables.has("demographics"):
        person = (
            f"select {col('demographics', 'userSourcedId', 'sourcedId')} as user_id, "
            f"{col('demographics', 'birthDate')} as birth, lower({col('demographics', 'sex')}) as sex, "
            f"row_number_ as row_number from {tables.names['demographics']} as t"
        )
    shape["person"] = person
    shape["user"] = _user_select(tables, "users") if tables.has("users") else _empty(*USER_COLUMNS)
    shape["member"] = _member_select(tables)
    shape["class"] = _empty(*CLASS_COLUMNS)
    if tables.has("classes"):
        course_grade = "cast(null as varchar)"
        join = ""
        if tables.has("courses"):
            course_grade = col("courses", "grades", "grade", alias="c")
            join = (
                f"left join {tables.names['courses']} as c on {col('courses', 'sourcedId', alias='c')} = "
                f"{col('classes', 'courseSourcedId')}"
            )
        shape["class"] = (
            f"select {col('classes', 'sourcedId')} as class_id, "
            f"{col('classes', 'schoolSourcedId', 'orgSourcedId')} as org_id, {col('classes', 'title')} as title, "
            f"lower({col('classes', 'classType')}) as class_type, "
            f"coalesce({col('classes', 'grades', 'grade')}, {course_grade}) as grades, "
            f"{tables.jyt('classes', 'class_name')} as jyt_name, {tables.jyt('classes', 'grade_code')} as jyt_grade, "
            f"{tables.jyt('classes', 'class_kind_code')} as jyt_kind, "
            f"{tables.jyt('classes', 'reported_pupils')} as jyt_pupils, 'classes.csv' as sheet, "
            f"{deleted(tables, 'classes')} as is_deleted, t.row_number_ as row_number "
            f"from {tables.names['classes']} as t {join}"
        )
    shape["enrolment"] = _empty(*ENROLMENT_COLUMNS)
    if tables.has("enrollments"):
        shape["enrolment"] = (
            f"select {col('enrollments', 'classSourcedId')} as class_id, {col('enrollments', 'userSourcedId')} as user_id, "
            f"lower({col('enrollments', 'role')}) as role, lower({col('enrollments', 'primary')}) as is_primary, "
            f"{col('enrollments', 'beginDate')} as begin_date, {col('enrollments', 'endDate')} as end_date, "
            f"{col('enrollments', 'schoolSourcedId')} as org_id, 'enrollments.csv' as sheet, "
            f"{deleted(tables, 'enrollments')} as is_deleted, row_number_ as row_number "
            f"from {tables.names['enrollments']} as t"
        )
    return shape


USER_COLUMNS = ("user_id", "given", "family", "identifier", "other_ids", "master_id", "phone", "grades", "birth", "primary_org", "role", "is_deleted", "sheet")  # fmt: skip
CLASS_COLUMNS = ("class_id", "org_id", "title", "class_type", "grades", "jyt_name", "jyt_grade", "jyt_kind", "jyt_pupils", "sheet", "is_deleted")  # fmt: skip
ENROLMENT_COLUMNS = ("class_id", "user_id", "role", "is_primary", "begin_date", "end_date", "org_id", "sheet", "is_deleted")  # fmt: skip


def _user_select(tables: Tables, stem: str) -> str:
    col = tables.column
    return (
        f"select {col(stem, 'sourcedId', 'SIS ID', 'ID')} as user_id, {col(stem, 'givenName', 'First Name')} as given, "
        f"{col(stem, 'familyName', 'Last Name')} as family, "
        f"{col(stem, 'identifier', 'Student Number', 'Teacher Number')} as identifier, "
        f"{col(stem, 'userIds')} as other_ids, {col(stem, 'userMasterIdentifier')} as master_id, {col(stem, 'phone', 'sms')} as phone, "
        f"{col(stem, 'grades', 'grade')} as grades, {col(stem, 'Birthdate')} as birth, "
        f"{col(stem, 'primaryOrgSourcedId')} as primary_org, lower({col(stem, 'role')}) as role, "
        f"{deleted(tables, stem)} as is_deleted, {literal(stem + '.csv')} as sheet, row_number_ as row_number "
        f"from {tables.names[stem]} as t"
    )


def _member_select(tables: Tables) -> str:
    """Return user, organisation and role: from roles, else from users who name their organisations themselves."""
    col = tables.column
    columns = ("user_id", "org_id", "role", "grades", "is_primary", "is_deleted", "sheet")
    parts = [_empty(*columns)]
    if tables.has("roles"):
        parts.append(
            f"select {col('roles', 'userSourcedId')}, {col('roles', 'orgSourcedId')}, lower({col('roles', 'role')}), "
            f"{col('roles', 'grades', 'grade')}, "
            f"lower({col('roles', 'roleType', 'isPrimary')}) in ('primary', 'true'), "
            f"{deleted(tables, 'roles')}, 'roles.csv', row_number_ from {tables.names['roles']} as t"
        )
    if tables.has("users"):
        orgs = f"string_split({col('users', 'orgSourcedIds')}, ',')"
        own = (
            f"select {col('users', 'sourcedId')} as user_id, trim(unnest({orgs})) as org_id, "
            f"lower({col('users', 'role')}) as role, cast(null as varchar) as grades, true as is_primary, "
            f"{deleted(tables, 'users')} as is_deleted, 'users.csv' as sheet, row_number_ as row_number "
            f"from {tables.names['users']} as t"
        )
        if tables.has("users", "orgSourcedIds"):
            parts.append(own)
        # A user without any role is somebody all the same: where he belongs is then what users.csv says of it.
        in_roles = (
            f"select {col('roles', 'userSourcedId')} from {tables.names['roles']} as t" if tables.has("roles") else ""
        )
        without = f"where coalesce({col('users', 'sourcedId')}, '') not in ({in_roles})" if in_roles else ""
        if not tables.has("users", "orgSourcedIds"):
            parts.append(
                f"select {col('users', 'sourcedId')}, {col('users', 'primaryOrgSourcedId')}, lower({col('users', 'role')}), "
                f"null, true, {deleted(tables, 'users')}, 'users.csv', row_number_ "
                f"from {tables.names['users']} as t {without}"
            )
    head = ", ".join(
        f"cast({name} as {'boolean' if name.startswith('is_') else 'varchar'}) as {name}" for name in columns
    )
    return f"select {head}, row_number from ({' union all '.join(parts)}) as u"


def _v1_shape(tables: Tables) -> dict[str, str]:
    """Return the SELECTs for the first form of School Data Sync and the UK's."""
    col = tables.column
    shape = {"person": _empty("user_id", "birth", "sex")}
    shape["org"] = (
        f"select {col('school', 'SIS ID', 'DfE Number', 'ID')} as org_id, {col('school', 'Name')} as name, "
        f"'school' as org_type, {col('school', 'School Number')} as identifier, cast(null as varchar) as parent_id, "
        f"cast(null as varchar) as jyt_code, row_number_ as row_number from {tables.names['school']} as t"
        if tables.has("school")
        else _empty("org_id", "name", "org_type", "identifier", "parent_id", "jyt_code")
    )
    people = [stem for stem in ("student", "teacher") if tables.has(stem)]
    users = [f"select * replace ({literal(stem)} as role) from ({_user_select(tables, stem)})" for stem in people]
    shape["user"] = " union all ".join(users) or _empty(*USER_COLUMNS)
    members = [
        f"select {col(stem, 'SIS ID', 'ID')} as user_id, {col(stem, 'School SIS ID', 'School DfE Number')} as org_id, "
        f"{literal(stem)} as role, {col(stem, 'Grade')} as grades, true as is_primary, "
        f"{deleted(tables, stem)} as is_deleted, {literal(stem + '.csv')} as sheet, row_number_ as row_number "
        f"from {tables.names[stem]} as t"
        for stem in people
    ]
    shape["member"] = " union all ".join(members) or _empty(
        "user_id", "org_id", "role", "grades", "is_primary", "is_deleted", "sheet"
    )
    shape["class"] = _empty(*CLASS_COLUMNS)
    if tables.has("section"):
        shape["class"] = (
            f"select {col('section', 'SIS ID', 'ID')} as class_id, "
            f"{col('section', 'School SIS ID', 'School DfE Number')} as org_id, {col('section', 'Section Name')} as title, "
            f"cast(null as varchar) as class_type, cast(null as varchar) as grades, cast(null as varchar) as jyt_name, "
            f"cast(null as varchar) as jyt_grade, cast(null as varchar) as jyt_kind, cast(null as varchar) as jyt_pupils, "
            f"'section.csv' as sheet, {deleted(tables, 'section')} as is_deleted, row_number_ as row_number "
            f"from {tables.names['section']} as t"
        )
    rosters = [
        f"select {col(stem, 'Section SIS ID', 'Section ID')} as class_id, {col(stem, 'SIS ID', 'ID')} as user_id, "
        f"{literal(role)} as role, cast(null as varchar) as is_primary, cast(null as varchar) as begin_date, "
        f"cast(null as varchar) as end_date, cast(null as varchar) as org_id, {literal(stem + '.csv')} as sheet, "
        f"{deleted(tables, stem)} as is_deleted, row_number_ as row_number from {tables.names[stem]} as t"
        for stem, role in (("studentenrollment", "student"), ("teacherroster", "teacher"))
        if tables.has(stem)
    ]
    shape["enrolment"] = " union all ".join(rosters) or _empty(*ENROLMENT_COLUMNS)
    return shape
