"""Rosters of other systems as rows of a dataset: users, roles and enrolments joined, codes translated.

Every form is first brought to the same few tables (org, member, person, class, enrolment); what a dataset's row takes
from them is one SELECT. A value under `metadata.jyt.<field>` goes before what is derived. Columns that no field asks
for are never selected, so passwords, religion and other countries' ethnic groups are not loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from edu.contract import Contract
from edu.sharing_domain import SYSTEM_PREFIX
from ingest.inbox import Source
from ingest.readers.roster_shape import bare_org, deleted, normalise
from ingest.readers.roster_tables import Tables, load
from ingest.readers.table import FieldTable, ReadResult, literal, quoted
from ingest.roster import FILES_OF, V1_FILES_OF, Roster, open_bundle

CLASS_CODE_WIDTH = 10
STUDENT_ROLES = "('student', 'learner')"
UNKNOWN_PERSON = "case when x.user_row is null and not coalesce(x.is_deleted, false) then 'person_not_in_bundle' end"
"""A role or an enrolment of somebody whom the bundle does not describe; see docs/adr/0016."""
ROLL_SHAPE = "[GJLgjl]\\d{17}[\\dXx]"
OTHER_ROLES = "('guardian', 'parent', 'relative', 'alumni', 'other')"
"""Neither learners nor staff: they are in no dataset."""
STAFF_CATEGORY = {
    "11": ("teacher", "professor", "faculty", "lecturer", "instructor"),
    "12": ("aide", "paraprofessional", "teacherassistant", "counselor", "proctor"),
    "13": ("principal", "siteadministrator", "districtadministrator", "administrator", "systemadministrator"),
}
"""JY/T 1001 JZGLB to roles: full-time teachers, teaching support, administration."""
STAFF_ROLES = (
    *(role for roles in STAFF_CATEGORY.values() for role in roles),
    *("chair", "researcher", "adjunct", "affiliate", "occupationaltherapist", "physicaltherapist", "speechtherapist"),
    *("visiontherapist", "specialservices", "advisor", "nurse", "officestaff", "itadmin", "staff", "assistant"),
    *("substitute", "coach"),
)
"""Roles of staff in OneRoster 1.1 and 1.2 and in the lists of School Data Sync, in small letters. Of another word nobody
knows whether it means a pupil."""
UNKNOWN_ROLE = (
    f"case when not coalesce(x.is_deleted, false) and coalesce(x.role not in ({', '.join(map(literal, STAFF_ROLES))}), true) "
    "then 'role_unknown' end"
)


def read(
    source: Source, contract: Contract, connection: duckdb.DuckDBPyConnection, scratch: Path, prefix: str
) -> ReadResult:
    """Read what a roster says of one dataset; see `ingest.readers.read`.

    `sheet` is the file that a row stands in, `row_number` the record's ordinal with the header as 1.

    Raises:
        RejectedFileError: a file of the bundle cannot be read.
    """
    roster = source.roster
    assert roster
    assert roster.system
    wanted = set(_files(roster, contract.dataset)) - roster.absent
    with open_bundle(source.path) as bundle:
        tables = load(bundle, wanted, connection, scratch, prefix)
    normalise(connection, roster, tables, prefix)
    select = {"school": _schools, "class": _classes, "student": _students, "staff": _staff}[contract.dataset]
    carried = {spec.name for spec in contract.profile_fields(roster.profile)}
    row = select(tables, prefix, roster)
    values = {name: value for name, value in row.values.items() if name in carried}
    table = f"{prefix}_row"
    selected = ", ".join(f"{value} as {quoted(name)}" for name, value in values.items())
    connection.execute(
        f"create or replace temp table {table} as select {row.sheet} as sheet, {row.row_number} as row_number, "
        f"coalesce({row.is_deleted}, false) as is_deleted, {row.fault} as row_fault, {selected} from {row.source}"
    )
    sheets = connection.execute(f"select distinct sheet from {table} order by sheet").fetchall()
    names = tuple(values)
    columns = ", ".join(quoted(name) for name in names)
    return ReadResult(
        roster.profile,
        tuple(
            FieldTable(
                sheet,
                f"select row_number, is_deleted, row_fault, {columns} from {table} where sheet = {literal(sheet)} order by row_number",
                names,
                has_deletes=True,
                has_faults=True,
            )
            for (sheet,) in sheets
        ),
        (),
        "utf-8",
    )


def _files(roster: Roster, dataset: str) -> tuple[str, ...]:
    """Return the files that a dataset's rows need: its own, and those that say where they belong."""
    if roster.form == "sds_v1":
        return (*V1_FILES_OF[dataset], "school", "section")
    more = ("orgs", "users", "roles", "classes", "courses", "enrollments")
    return (*FILES_OF[dataset], *(more if dataset != "school" else ()))


# -- rows of the datasets ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """SQL of a dataset's rows."""

    source: str
    sheet: str
    row_number: str
    is_deleted: str
    values: dict[str, str]
    fault: str = "cast(null as varchar)"
    """SQL of the reason why the row cannot be a row of the dataset, else null."""


def _grade(text: str, prefix: str) -> str:
    """Return SQL of the platform's grade; one that the seed lacks stays foreign, so that no code is taken for another."""
    first = f"upper(trim(string_split({text}, ',')[1]))"
    padded = f"case when regexp_full_match({first}, '\\d') then '0' || {first} else {first} end"
    known = f"(select g.grade_code from {prefix}_ngrade as g where g.foreign_grade = {padded})"
    return f"coalesce({known}, 'OneRoster ' || {first})"


def _class_code(class_id: str, roster: Roster) -> str:
    """Return SQL of a class's code: the platform's own, else the foreign id, shortened by hash where it is long."""
    own = f"{literal(roster.system or '')} like '{SYSTEM_PREFIX}%' and regexp_full_match({class_id}, 'S[0-9A-Z]{{10}}-.+')"
    return (
        f"case when {own} then substr({class_id}, 13) when length({class_id}) <= {CLASS_CODE_WIDTH} then {class_id} "
        f"else 'h' || left(sha256({class_id}), {CLASS_CODE_WIDTH - 1}) end"
    )


def _schools(tables: Tables, prefix: str, roster: Roster) -> Row:
    fields = (
        *("school_kind_code", "sponsor_code", "division_code", "township_code", "urban_rural_code", "managing_org"),
        *("social_credit_code", "founded_ym", "is_boarding"),
    )
    stem = "school" if roster.form == "sds_v1" else "orgs"
    source = (
        f"(select t.*, o.name as org_name, p.school_code as school_code_ from {tables.names.get(stem, prefix + '_norg')} as t "
        f"inner join {prefix}_norg as o on o.row_number = t.row_number_ "
        f"inner join {prefix}_nplace as p on p.org_id = o.org_id and p.school_org_id = o.org_id) as t"
    )
    values = {"school_code": "t.school_code_", "school_name": "t.org_name"}
    values |= {name: tables.jyt(stem, name) for name in fields}
    return Row(source, literal(stem + ".csv"), "t.row_number_", deleted(tables, stem), values)


def _classes(_: Tables, prefix: str, roster: Roster) -> Row:
    """Classes that pupils belong to; lessons that they choose (`scheduled`) are no classes of a school."""

    def leader(value: str) -> str:
        """Return SQL of a value of the one primary teacher; null where several are, or none."""
        return (
            f"(select case when count(distinct e.user_id) = 1 then min({value}) end from {prefix}_nenrolment as e "
            f"left join {prefix}_nuser as u on u.user_id = e.user_id where e.class_id = k.class_id "
            "and e.role = 'teacher' and e.is_primary = 'true' and not e.is_deleted)"
        )

    common = _common_grade(prefix)
    source = (
        f"(select k.*, coalesce(p.school_code, {bare_org('k.org_id', roster)}) as school_code from {prefix}_nclass as k "
        f"left join {prefix}_nplace as p on p.org_id = k.org_id "
        "where coalesce(k.class_type, 'homeroom') <> 'scheduled') as k"
    )
    grade = f"coalesce(k.jyt_grade, {_grade(f'coalesce(k.grades, {common})', prefix)})"
    values = {
        "school_code": "k.school_code",
        "class_code": _class_code("k.class_id", roster),
        "class_name": "coalesce(k.jyt_name, k.title)",
        "grade_code": grade,
        "class_kind_code": "k.jyt_kind",
        "homeroom_staff_no": leader("u.identifier"),
        "homeroom_sourced_id": f"{literal(f'{roster.system}/')} || {leader('e.user_id')}",
        "reported_pupils": "k.jyt_pupils",
    }
    return Row(source, "k.sheet", "k.row_number", "k.is_deleted", values)


def _common_grade(prefix: str) -> str:
    """Return SQL of the grade that all pupils of a class share; null where they differ."""
    return (
        f"(select case when count(distinct m.grades) = 1 then min(m.grades) end from {prefix}_nenrolment as e "
        f"inner join {prefix}_nmember as m on m.user_id = e.user_id and m.role in {STUDENT_ROLES} "
        f"where e.class_id = k.class_id and e.role in {STUDENT_ROLES})"
    )


def _people(prefix: str, roster: Roster, wanted: str, homeless: str) -> str:
    """Return SQL of one row a person and school: `u_` columns of the user, place, homeroom, and the place of the record.

    Args:
        prefix: of the tables.
        roster: the bundle.
        wanted: condition on `m.role`.
        homeless: SELECT of further members that only enrolments name, or empty.
    """
    more = f" union all {homeless}" if homeless else ""
    known = f"coalesce(role in ({', '.join(map(literal, STAFF_ROLES))}), false)"
    schools_apart = "coalesce(p.school_code, case when m.org_id is null then null when p0.org_id is not null then null else " + bare_org("m.org_id", roster) + " end)"  # fmt: skip
    return f"""
        (with member as (
            select m.*, {schools_apart} as school_code
            from (select * from {prefix}_nmember{more}) as m
            left join {prefix}_nplace as p on p.org_id = m.org_id
            left join {prefix}_norg as p0 on p0.org_id = m.org_id
            where {wanted}
        ),
        placed as (
            select *, bool_or(school_code is not null) over (partition by sheet, row_number) as has_school from member
        ),
        one as (
            select *, row_number() over (
                partition by user_id, school_code
                order by is_deleted, {known} desc, is_primary desc, case role when 'teacher' then 0 else 1 end, row_number, sheet
            ) as choice_no
            from placed
            -- A record that names a school and the district above it speaks of one person in one school.
            where school_code is not null or not has_school
        ),
        homeroom as (
            select e.user_id, coalesce(p.school_code, {bare_org("k.org_id", roster)}) as school_code, k.class_id, k.grades,
                k.jyt_grade, k.class_type, count(*) over (partition by e.user_id, k.org_id) as classes,
                row_number() over (
                    partition by e.user_id, k.org_id
                    order by coalesce(e.end_date, '9999') desc, e.begin_date desc nulls last, k.class_id
                ) as choice_no
            from {prefix}_nenrolment as e
            inner join {prefix}_nclass as k on k.class_id = e.class_id
            left join {prefix}_nplace as p on p.org_id = k.org_id
            where not e.is_deleted and not k.is_deleted and coalesce(k.class_type, 'homeroom') <> 'scheduled'
                and e.role in {STUDENT_ROLES}
        )
        select o.sheet, o.row_number as row_number_, o.school_code, o.role, o.grades as member_grades, o.user_id,
            o.is_deleted or coalesce(u.is_deleted, false) as is_deleted, u.given, u.family, u.identifier, u.other_ids, u.master_id,
            u.phone, u.grades as user_grades, coalesce(d.birth, u.birth) as birth, d.sex, u.sheet as user_sheet,
            u.row_number as user_row,
            case when h.class_type is not null or h.classes = 1 then h.class_id end as class_id,
            case when h.class_type is not null or h.classes = 1 then h.grades end as class_grades,
            case when h.class_type is not null or h.classes = 1 then h.jyt_grade end as class_jyt_grade
        from one as o
        left join {prefix}_nuser as u on u.user_id = o.user_id {"and u.role = o.role" if roster.form == "sds_v1" else ""}
        left join {prefix}_nperson as d on d.user_id = o.user_id
        left join homeroom as h on h.user_id = o.user_id and h.school_code = o.school_code and h.choice_no = 1
        where o.choice_no = 1
        ) as x"""


def _with_metadata(tables: Tables, people: str, fields: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Join the `metadata.jyt.*` columns of roles and users; return the source and SQL by field."""
    joins, values = "", {}
    for stem, alias in (("roles", "r"), ("users", "w")):
        if tables.has(stem):
            condition = (
                "x.sheet = 'roles.csv' and r.row_number_ = x.row_number_"
                if stem == "roles"
                else "w.row_number_ = x.user_row"
            )
            joins += f" left join {tables.names[stem]} as {alias} on {condition}"
    for name in fields:
        found = [
            tables.column(stem, f"metadata.jyt.{name}", alias=alias)
            for stem, alias in (("roles", "r"), ("users", "w"))
            if tables.has(stem, f"metadata.jyt.{name}")
        ]
        values[name] = f"coalesce({', '.join(found)}, null)" if found else "cast(null as varchar)"
    selected = ", ".join(f"{value} as {quoted('j_' + name)}" for name, value in values.items())
    return f"(select x.*, {selected} from {people}{joins}) as x", {name: f"x.{quoted('j_' + name)}" for name in fields}


def _person_values(roster: Roster, jyt: dict[str, str]) -> dict[str, str]:
    """Return what learners and staff have in common."""
    family, given = "coalesce(x.family, '')", "coalesce(x.given, '')"
    name = (
        f"nullif(case when regexp_matches({family} || {given}, '[\\x{{4E00}}-\\x{{9FFF}}]') then {family} || {given} "
        f"else trim({given} || ' ' || {family}) end, '')"
    )
    if str(roster.system).startswith(SYSTEM_PREFIX):
        # What the platform wrote for a receiver has no names, only a word that the standard asks for.
        name = "cast(null as varchar)"
    usa = "try_strptime(x.birth, '%m/%d/%Y')"
    # Only School Data Sync declares the month first; elsewhere a day beyond twelve has to say which number it is.
    is_usa = "true" if roster.form == "sds_v1" else r"regexp_full_match(x.birth, '\d{1,2}/(1[3-9]|2\d|3[01])/\d{4}')"
    birth = (
        f"case when {is_usa} then coalesce(strftime({usa}, '%Y-%m-%d'), x.birth) "
        r"else regexp_replace(x.birth, '^(\d{4}-\d{2}-\d{2})T.*$', '\1') end"
    )
    sex = "case x.sex when 'male' then '1' when 'female' then '2' when 'unspecified' then '9' when 'other' then '9' else x.sex end"
    resident = "case when regexp_full_match(x.master_id, '\\d{17}[\\dXx]') then x.master_id end"
    number = f"coalesce({jyt['id_number']}, {resident})"
    return {
        # Whom users.csv does not know is placed nowhere: his row would put nothing in the place of what is known of him.
        "school_code": "case when x.user_row is not null or x.is_deleted then x.school_code end",
        "name": name,
        "sex_code": f"coalesce({jyt['sex_code']}, {sex})",
        "birth_date": birth,
        "id_number": number,
        "id_type_code": f"coalesce({jyt['id_type_code']}, case when {number} is not null then '1' end)",
        "phone": "x.phone",
        "sourced_id": f"{literal(f'{roster.system}/')} || x.user_id",
    }


STUDENT_FIELDS = (
    *(
        "sex_code",
        "ethnicity_code",
        "id_type_code",
        "id_number",
        "xjh",
        "grade_code",
        "class_code",
        "seat_no",
        "entry_ym",
    ),
    *("entry_mode_code", "boarding_code", "household_kind_code", "household_division_code", "status_code"),
    *("left_behind_code", "is_migrant", "disability_code"),
)
STAFF_FIELDS = (
    *("sex_code", "staff_no", "id_type_code", "id_number", "ethnicity_code", "political_status_code", "work_start_ym"),
    *(
        "school_start_ym",
        "staff_category_code",
        "is_establishment",
        "education_code",
        "teach_stage_code",
        "subject_code",
    ),
    *("title_code", "is_backbone", "has_certificate", "staff_status_code"),
)


def _students(tables: Tables, prefix: str, roster: Roster) -> Row:
    # An enrolment of nobody that the bundle names is a row too: it cannot be placed in a grade and says so.
    homeless = (
        "select e.user_id, coalesce(e.org_id, k.org_id), 'student', null, false, false, e.sheet, min(e.row_number) "
        f"from {prefix}_nenrolment as e left join {prefix}_nclass as k on k.class_id = e.class_id "
        f"where e.role in {STUDENT_ROLES} and not e.is_deleted "
        f"and not exists (select 1 from {prefix}_nmember as m where m.user_id = e.user_id) group by all"
    )
    people = _people(prefix, roster, f"m.role in {STUDENT_ROLES} or (m.role is null and m.is_deleted)", homeless)
    source, jyt = _with_metadata(tables, people, STUDENT_FIELDS)
    values = jyt | _person_values(roster, jyt)
    foreign = "coalesce(x.member_grades, x.user_grades, x.class_grades)"
    values["grade_code"] = f"coalesce({jyt['grade_code']}, {_grade(foreign, prefix)}, x.class_jyt_grade)"
    values["class_code"] = f"coalesce({jyt['class_code']}, {_class_code('x.class_id', roster)})"
    values["status_code"] = f"coalesce({jyt['status_code']}, '01')"
    values["xjh"] = (
        f"coalesce({jyt['xjh']}, case when regexp_full_match(x.identifier, '{ROLL_SHAPE}') then upper(x.identifier) end, "
        # Other ids of the user stand as {type:id} in one cell; what has the shape of a roll number is one.
        f"nullif(upper(regexp_extract(x.other_ids, ':({ROLL_SHAPE})\\}}', 1)), ''))"
    )
    return Row(source, "x.sheet", "x.row_number_", "x.is_deleted", values, UNKNOWN_PERSON)


def _staff(tables: Tables, prefix: str, roster: Roster) -> Row:
    # Without roles.csv nothing but users.csv says what everybody is: of whom it says nothing, a role was left out.
    says_roles = not tables.has("roles")
    people = _people(
        prefix,
        roster,
        f"(m.role is not null and m.role not in {STUDENT_ROLES} and m.role not in {OTHER_ROLES}) "
        f"or (m.role is null and (m.is_deleted or {'true' if says_roles else 'false'}))",
        "",
    )
    source, jyt = _with_metadata(tables, people, STAFF_FIELDS)
    values = jyt | _person_values(roster, jyt)
    whens = " ".join(
        f"when x.role in ({', '.join(literal(role) for role in roles)}) then {literal(code)}"
        for code, roles in STAFF_CATEGORY.items()
    )
    values["staff_category_code"] = f"coalesce({jyt['staff_category_code']}, case {whens} end)"
    values["staff_status_code"] = f"coalesce({jyt['staff_status_code']}, '11')"
    values["staff_no"] = f"coalesce({jyt['staff_no']}, x.identifier)"
    return Row(
        source, "x.sheet", "x.row_number_", "x.is_deleted", values, f"coalesce({UNKNOWN_PERSON}, {UNKNOWN_ROLE})"
    )
