"""Who may see what: one rule a level, applied to every table that the catalog knows.

| level | bureau | county | school | public |
|---|---|---|---|---|
| L1 public figures | all rows | all rows | all rows | all rows |
| L2 school rows | all rows | schools that it manages | itself | – |
| L2 rows of an area (of no school) | all rows | its own area | – | – |
| L3 person rows, pseudonymous | all rows | schools that it manages | itself, without pseudonyms | – |
| L4 sensitive columns and tables, keys of evidence | – | – | – | – |

What the table does not allow is denied: a table without a column that says whose it is belongs to the bureau alone.
The right follows the organisation that manages the school (`managing_org`), not the place where it lies: a school of
the city in a district is the city's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

SERVED_SCHEMAS = ("query", "visualization")
SERVED_LEVELS = ("L1", "L2", "L3")
PERSON_LEVEL = "L3"
NEVER_SERVED_PRIVACY = ("identifier", "sensitive", "private")
"""Privacy of columns of person tables that no role may read, so they are not loaded at all."""
SCOPE_COLUMNS = ("school_id", "managing_org", "submitter_org", "division_code")
"""Columns that say whose a row is, the first present one counts; all hold ids of `serving.role_scope`."""
AREA_COLUMN = "division_code"

BUREAU, COUNTY, SCHOOL, PUBLIC = "edu_bureau", "edu_county", "edu_school", "edu_public"
GROUPS = (BUREAU, COUNTY, SCHOOL, PUBLIC)
"""Roles that hold the rights and cannot log in; a login role is a member of exactly one."""
BUREAU_ROLE, PUBLIC_ROLE = "bureau_analyst", "public_reader"


@dataclass(frozen=True)
class Column:
    """One column that is loaded."""

    name: str
    type: str
    """DuckDB's type."""
    label_zh: str
    description: str
    is_pseudonym: bool


@dataclass(frozen=True)
class ServedTable:
    """One table that is loaded."""

    schema: str
    name: str
    level: str
    description: str
    columns: tuple[Column, ...]

    @property
    def is_person(self) -> bool:
        """Whether a row is a person's."""
        return self.level == PERSON_LEVEL

    @property
    def scope_column(self) -> str | None:
        """Return the column that says whose a row is, null where none does or everybody may see it."""
        if self.level == "L1":
            return None
        names = {column.name for column in self.columns}
        allowed = SCOPE_COLUMNS[:2] if self.is_person else SCOPE_COLUMNS
        return next((name for name in allowed if name in names), None)

    @property
    def area_column(self) -> str | None:
        """Return the column that says whose a row of no school is: beside the rows of schools a table may have areas'."""
        has_areas = self.scope_column in SCOPE_COLUMNS[:2] and not self.is_person
        return AREA_COLUMN if has_areas and any(column.name == AREA_COLUMN for column in self.columns) else None

    def columns_for(self, group: str) -> tuple[str, ...]:
        """Return the columns that a group may read; none where it may not read the table."""
        names = tuple(column.name for column in self.columns)
        if self.level == "L1" or group == BUREAU:
            return names
        if group == PUBLIC or self.scope_column is None:
            return ()
        if group == SCHOOL and self.scope_column == "division_code":
            return ()
        if group == SCHOOL and self.is_person:
            # A school knows its pupils by name: with their pseudonyms it could name them in everybody's tables.
            return tuple(column.name for column in self.columns if not column.is_pseudonym)
        return names


@dataclass(frozen=True)
class Login:
    """One role that may connect, and the organisations whose rows it sees."""

    name: str
    group: str
    orgs: tuple[str, ...] = ()


def served_tables(connection: duckdb.DuckDBPyConnection, levels: Sequence[str], catalog: str) -> list[ServedTable]:
    """Return the tables of these levels that a database holds, as its catalog describes them.

    `catalog` is the table with the columns of `management.column_catalog`.
    """
    rows = connection.execute(
        f"""
        select known.schema_name, known.table_name, known.level, coalesce(held.comment, ''),
            list({{'name': known.column_name, 'type': present.data_type, 'label': known.label_zh,
                'text': known.description, 'is_pseudonym': known.is_pseudonym}} order by present.column_index)
        from {catalog} as known
        inner join duckdb_columns() as present
            on present.schema_name = known.schema_name and present.table_name = known.table_name
            and present.column_name = known.column_name
        inner join duckdb_tables() as held
            on held.schema_name = known.schema_name and held.table_name = known.table_name
            and held.database_name = present.database_name
        where known.schema_name in (select unnest(?)) and known.level in (select unnest(?))
            and not (known.level = ? and known.privacy in (select unnest(?)))
        group by known.schema_name, known.table_name, known.level, held.comment
        order by known.schema_name, known.table_name
        """,
        [list(SERVED_SCHEMAS), list(levels), PERSON_LEVEL, list(NEVER_SERVED_PRIVACY)],
    ).fetchall()
    return [
        ServedTable(
            schema,
            table,
            level,
            comment,
            tuple(Column(c["name"], c["type"], c["label"], c["text"], bool(c["is_pseudonym"])) for c in columns),
        )
        for schema, table, level, comment, columns in rows
    ]


def logins(connection: duckdb.DuckDBPyConnection) -> list[Login]:
    """Return bureau, public, one role a managing organisation and one a school, from the warehouse.

    The organisation that manages a school in the newest term in which it stands in the registry sees all its rows,
    earlier ones too. A school is known by its id and by every code that it had.
    """
    schools = connection.execute(
        "select school_id, max_by(managing_org, (snapshot_date, period)) as managing_org, "
        "list(distinct school_code order by school_code) as codes "
        "from storage.dim_school where school_id is not null group by school_id order by school_id"
    ).fetchall()
    of_org: dict[str, list[str]] = {}
    found = [Login(BUREAU_ROLE, BUREAU), Login(PUBLIC_ROLE, PUBLIC)]
    for school_id, managing_org, codes in schools:
        known = (school_id, *(code for code in codes if code))
        if managing_org:
            of_org.setdefault(managing_org, [managing_org]).extend(known)
        found.append(Login(f"school_reader_{school_id.removeprefix('S').lower()}", SCHOOL, known))
    found += [Login(f"county_analyst_{org}", COUNTY, tuple(orgs)) for org, orgs in of_org.items()]
    return sorted(found, key=lambda login: (GROUPS.index(login.group), login.name))
