"""Loads PostgreSQL in one transaction and switches to what was loaded by renaming schemas in the same transaction.

Tables are made in `<schema>_v<n>` and filled with `COPY … FREEZE`, so that a reader whose snapshot is older than the
switch finds the rows of the new tables and not an empty table. Rights, row policies and comments are set before the
names change; what was served before is dropped afterwards.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
import pyarrow.csv as pa_csv
from psycopg import sql

from edu.clock import now
from edu.duck import connect as connect_duck
from edu.errors import WarehouseError
from edu.paths import Home
from warehouse import built
from warehouse.catalog import CATALOG
from warehouse.digest import table_digest
from warehouse.publish import CATALOG_SCHEMA, current_file, current_version, published_persons, read_changelog
from warehouse.serving import access
from warehouse.serving.access import Login, ServedTable
from warehouse.serving.server import ServingError, Target

log = logging.getLogger(__name__)

ACCESS_RULES = "3"
"""Goes up when the rules of access change, so that a version is loaded again under the new ones."""
LOAD_LOCK = 421000
BATCH_ROWS = 50_000
POSTGRES_TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(38, 0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
LEVEL_NAMES = {"L1": "公开", "L2": "学校级", "L3": "个人级(去标识)"}
STATEMENT_TIMEOUT = "60s"
CONNECTION_LIMIT = 60
VERSION_16 = 160_000


@dataclass(frozen=True)
class Loaded:
    """What a load did."""

    version: str
    number: int
    tables: int
    rows: int
    is_new: bool
    """False where exactly this was served already."""


def postgres_type(duck_type: str) -> str:
    """Return PostgreSQL's type for a column; what has none (lists, structures) is served as text."""
    if re.fullmatch(r"DECIMAL\(\d+,\s*\d+\)", duck_type):
        return duck_type.replace("DECIMAL", "numeric")
    return POSTGRES_TYPES.get(duck_type, "text")


def _content(home: Home, tables: list[ServedTable], logins: list[Login], persons: dict[str, str]) -> str:
    """Return a digest of all that a load depends on."""
    version = current_version(home)
    entry = next(item for item in read_changelog(home) if item["version"] == version)
    parts = [ACCESS_RULES, entry["digest"], persons, [repr(table) for table in tables], [repr(role) for role in logins]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _persons_as_published(
    home: Home, warehouse: duckdb.DuckDBPyConnection, tables: list[ServedTable]
) -> dict[str, str]:
    """Return the digest of each person table; it must be what passed the gate of the served version.

    Raises:
        WarehouseError: the warehouse was built again since, and not published.
    """
    known = published_persons(home)
    found = {}
    for table in tables:
        names = sorted(row[0] for row in warehouse.execute(f'describe "{table.schema}"."{table.name}"').fetchall())
        name = f"{table.schema}.{table.name}"
        found[name] = table_digest(warehouse, table.schema, table.name, names)
        if known.get(name) != found[name]:
            raise WarehouseError(
                f"{name} was built again after version {current_version(home)} was published, so it has passed no "
                "gate. Run edu publish, then edu serve postgres."
            )
    return found


def load_postgres(home: Home, target: Target) -> Loaded:
    """Load the served version and the person views; a no-op where exactly this is served.

    Raises:
        WarehouseError: nothing is published, or the warehouse is newer than what is published.
        BusyError: the warehouse is being built.
        ServingError: PostgreSQL refused.
    """
    version = current_version(home)
    if version is None or not home.warehouse.exists():
        raise WarehouseError("nothing is published yet; run edu publish first.")
    with (
        built.reading(home),
        connect_duck(current_file(home).resolve(), read_only=True) as published,
        connect_duck(home.warehouse, read_only=True) as warehouse,
    ):
        public = access.served_tables(published, ("L1", "L2"), f"{CATALOG_SCHEMA}.column_catalog")
        persons = access.served_tables(warehouse, (access.PERSON_LEVEL,), CATALOG)
        logins = access.logins(warehouse)
        content = _content(home, [*public, *persons], logins, _persons_as_published(home, warehouse, persons))
        try:
            with psycopg.connect(target.dsn) as postgres:
                sources = [(published, table) for table in public] + [(warehouse, table) for table in persons]
                return _load(postgres, sources, logins, version, content, target.is_embedded)
        except psycopg.Error as error:
            # A message of PostgreSQL may quote a row, so only its kind is told.
            raise ServingError(
                f"PostgreSQL at {target.place} refused the load ({type(error).__name__} {error.sqlstate or ''}); "
                "what was served before is still served."
            ) from None


def _load(
    postgres: psycopg.Connection,
    sources: list[tuple[duckdb.DuckDBPyConnection, ServedTable]],
    logins: list[Login],
    version: str,
    content: str,
    is_embedded: bool,
) -> Loaded:
    if postgres.execute("select to_regclass('serving.version')").fetchone() == (None,):
        # Two first loads at once. Nobody else can connect yet, so nobody else can hold this.
        postgres.execute("select pg_advisory_xact_lock(%s)", [LOAD_LOCK])
    database = sql.Identifier(postgres.info.dbname)
    _set_up(postgres, database, is_embedded)
    # One load at a time. Who may only read the table cannot hold a lock that stands against this one.
    postgres.execute("lock table serving.version in share row exclusive mode")
    served = postgres.execute("select number, content_digest, tables, row_count from serving.version").fetchone()
    if served and served[1] == content:
        postgres.rollback()
        return Loaded(version, served[0], served[2], served[3], False)
    number = served[0] + 1 if served else 1
    _make_roles(postgres, logins)
    _grant_serving(postgres, database)
    for schema in access.SERVED_SCHEMAS:
        postgres.execute(sql.SQL("create schema {}").format(sql.Identifier(f"{schema}_v{number}")))
    rows = sum(_load_table(postgres, source, table, number) for source, table in sources)
    _write_scope(postgres, logins)
    _write_catalog(postgres, [table for _, table in sources])
    postgres.execute("delete from serving.version")
    postgres.execute(
        "insert into serving.version values (%s, %s, %s, %s, %s, %s)",
        [number, version, content, len(sources), rows, now()],
    )
    _switch(postgres, number)
    postgres.commit()
    _drop_old(postgres, number)
    log.info("PostgreSQL serves version %s: %s tables, %s rows", version, len(sources), rows)
    return Loaded(version, number, len(sources), rows, True)


def _set_up(postgres: psycopg.Connection, database: sql.Identifier, is_embedded: bool) -> None:
    """Make schema `serving` and take from everybody what no reader needs, once for each text of the scripts.

    The scripts lock what every reader reads, so they are not run again where nothing changed.
    """
    scripts = ("serving.sql", "hardening.sql") if is_embedded else ("serving.sql",)
    texts = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in scripts]
    mark = f"服务元数据:角色范围、版本、字段目录 ({hashlib.sha256(''.join(texts).encode()).hexdigest()[:12]})"
    found = postgres.execute("select obj_description(to_regnamespace('serving'), 'pg_namespace')").fetchone()
    if found == (mark,):
        return
    postgres.execute("set local lock_timeout = '30s'")
    for text in texts:
        postgres.execute(text)
    postgres.execute(sql.SQL("revoke all on database {} from public").format(database))
    postgres.execute(sql.SQL("comment on schema serving is {}").format(sql.Literal(mark)))
    postgres.execute("set local lock_timeout = 0")


def _make_roles(postgres: psycopg.Connection, logins: list[Login]) -> None:
    """Make the groups and the roles that are missing; a new role cannot log in before it is given a password.

    A role whose organisation is no longer there loses its membership, and so all it could see.
    """
    known = {row[0] for row in postgres.execute("select rolname from pg_roles").fetchall()}
    for group in access.GROUPS:
        if group not in known:
            postgres.execute(sql.SQL("create role {} nologin").format(sql.Identifier(group)))
    members = {
        (row[0], row[1])
        for row in postgres.execute(
            "select of_group.rolname, of_member.rolname from pg_auth_members as m "
            "inner join pg_roles as of_group on of_group.oid = m.roleid "
            "inner join pg_roles as of_member on of_member.oid = m.member where of_group.rolname = any(%s)",
            [list(access.GROUPS)],
        ).fetchall()
    }
    wanted = {(login.group, login.name) for login in logins}
    # A role inherits its group's rights; from version 16 on it need not be able to become the group.
    how = " with inherit true, set false" if postgres.info.server_version >= VERSION_16 else ""
    for login in logins:
        name = sql.Identifier(login.name)
        if login.name not in known:
            postgres.execute(
                sql.SQL("create role {} nologin inherit connection limit {}").format(name, CONNECTION_LIMIT)
            )
        if (login.group, login.name) not in members:
            postgres.execute(sql.SQL("grant {} to {}").format(sql.Identifier(login.group), name) + sql.SQL(how))
            for setting in (f"statement_timeout = '{STATEMENT_TIMEOUT}'", "default_transaction_read_only = on"):
                postgres.execute(sql.SQL("alter role {} set ").format(name) + sql.SQL(setting))
    own = {row[0] for row in postgres.execute("select role_name from serving.role_scope").fetchall()}
    for group, member in sorted(members - wanted):
        if member in own or member.startswith(("county_analyst_", "school_reader_")):
            postgres.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(group), sql.Identifier(member)))
            postgres.execute(sql.SQL("alter role {} nologin").format(sql.Identifier(member)))


def _grant_serving(postgres: psycopg.Connection, database: sql.Identifier) -> None:
    """Let the groups connect and read their own scope, the version and their own part of the catalog."""
    groups = sql.SQL(", ").join(sql.Identifier(group) for group in access.GROUPS)
    for right in (
        sql.SQL("connect on database {}").format(database),
        sql.SQL("usage on schema serving"),
        sql.SQL("select on serving.role_scope, serving.column_catalog, serving.about"),
        sql.SQL("select (version, loaded_at) on serving.version"),
    ):
        postgres.execute(sql.SQL("grant {} to {}").format(right, groups))


def _load_table(
    postgres: psycopg.Connection, source: duckdb.DuckDBPyConnection, table: ServedTable, number: int
) -> int:
    """Make one table, fill it, close it to all but those who may see it; return its rows.

    Raises:
        ServingError: fewer or more rows arrived than were sent.
    """
    place = sql.Identifier(f"{table.schema}_v{number}", table.name)
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(postgres_type(c.type))) for c in table.columns
    )
    postgres.execute(sql.SQL("create table {} ({})").format(place, columns))
    if table.scope_column:
        # Without statistics the planner's estimates say nothing about rows that the reader may not see.
        for column in table.columns:
            postgres.execute(
                sql.SQL("alter table {} alter {} set statistics 0").format(place, sql.Identifier(column.name))
            )
    rows = _copy_rows(postgres, source, table, place)
    found = postgres.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
    if found is None or found[0] != rows:
        raise ServingError(f"{table.schema}.{table.name}: {rows} rows were sent and another number arrived.")
    if table.scope_column:
        postgres.execute(sql.SQL("create index on {} ({})").format(place, sql.Identifier(table.scope_column)))
    _protect(postgres, table, place)
    _comment(postgres, table, place)
    return rows


def _copy_rows(
    postgres: psycopg.Connection, source: duckdb.DuckDBPyConnection, table: ServedTable, place: sql.Identifier
) -> int:
    chosen = ", ".join(
        f'"{c.name}"' if c.type in POSTGRES_TYPES or c.type.startswith("DECIMAL") else f'"{c.name}"::varchar'
        for c in table.columns
    )
    reader = source.execute(f'select {chosen} from "{table.schema}"."{table.name}" order by all').to_arrow_reader(
        BATCH_ROWS
    )
    options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    rows = 0
    command = sql.SQL("copy {} from stdin (format csv, freeze true)").format(place)
    with postgres.cursor() as cursor, cursor.copy(command) as copy:
        for batch in reader:
            buffer = io.BytesIO()
            pa_csv.write_csv(batch, buffer, options)
            copy.write(buffer.getvalue())
            rows += batch.num_rows
    return rows


def _protect(postgres: psycopg.Connection, table: ServedTable, place: sql.Identifier) -> None:
    """Default deny, then what `access` allows: columns by grant, rows by policy."""
    postgres.execute(sql.SQL("revoke all on {} from public").format(place))
    postgres.execute(sql.SQL("alter table {} enable row level security").format(place))
    postgres.execute(sql.SQL("alter table {} force row level security").format(place))
    for group in access.GROUPS:
        columns = table.columns_for(group)
        if not columns:
            continue
        names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
        everything = len(columns) == len(table.columns)
        granted = sql.SQL("") if everything else sql.SQL(" ({})").format(names)
        postgres.execute(sql.SQL("grant select{} on {} to {}").format(granted, place, sql.Identifier(group)))
        if table.scope_column is None or group == access.BUREAU:
            rule: sql.Composable = sql.SQL("true")
        else:
            scope = sql.SQL("array(select org_id from serving.role_scope where role_name = current_user)")
            rule = sql.SQL("{} = any ({})").format(sql.Identifier(table.scope_column), scope)
            if group == access.COUNTY and table.area_column:
                rule = sql.SQL("{} or ({} is null and {} = any ({}))").format(
                    rule, sql.Identifier(table.scope_column), sql.Identifier(table.area_column), scope
                )
        postgres.execute(
            sql.SQL("create policy {} on {} for select to {} using ({})").format(
                sql.Identifier(f"read_{group}"), place, sql.Identifier(group), rule
            )
        )


def _comment(postgres: psycopg.Connection, table: ServedTable, place: sql.Identifier) -> None:
    text = f"{LEVEL_NAMES[table.level]}|{table.description}"
    postgres.execute(sql.SQL("comment on table {} is {}").format(place, sql.Literal(text)))
    for column in table.columns:
        where = sql.SQL("{}.{}").format(place, sql.Identifier(column.name))
        postgres.execute(
            sql.SQL("comment on column {} is {}").format(
                where, sql.Literal(f"{column.label_zh} | {column.description}")
            )
        )


def _write_scope(postgres: psycopg.Connection, logins: list[Login]) -> None:
    postgres.execute("delete from serving.role_scope")
    with postgres.cursor() as cursor, cursor.copy("copy serving.role_scope (role_name, org_id) from stdin") as copy:
        for login in logins:
            for org in dict.fromkeys(login.orgs):
                copy.write_row((login.name, org))


def _write_catalog(postgres: psycopg.Connection, tables: list[ServedTable]) -> None:
    """Write what each column is and which group may read it; a reader finds the rows of its own group."""
    postgres.execute("delete from serving.column_catalog")
    names = "schema_name, table_name, column_name, position, label_zh, description, level, readers"
    with postgres.cursor() as cursor, cursor.copy(f"copy serving.column_catalog ({names}) from stdin") as copy:
        for table in tables:
            readers = {group: set(table.columns_for(group)) for group in access.GROUPS}
            for position, column in enumerate(table.columns, 1):
                may = [group for group in access.GROUPS if column.name in readers[group]]
                notes = (column.label_zh, column.description, table.level, may)
                copy.write_row((table.schema, table.name, column.name, position, *notes))


def _switch(postgres: psycopg.Connection, number: int) -> None:
    """Give the loaded schemas the served names, and what was served the names of its own version."""
    for schema in access.SERVED_SCHEMAS:
        held = postgres.execute("select 1 from pg_namespace where nspname = %s", [schema]).fetchone()
        if held:
            postgres.execute(
                sql.SQL("alter schema {} rename to {}").format(
                    sql.Identifier(schema), sql.Identifier(f"{schema}_v{number - 1}")
                )
            )
        new = sql.Identifier(f"{schema}_v{number}")
        postgres.execute(sql.SQL("alter schema {} rename to {}").format(new, sql.Identifier(schema)))
        groups = sql.SQL(", ").join(sql.Identifier(group) for group in access.GROUPS)
        postgres.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), groups))


def _drop_old(postgres: psycopg.Connection, number: int) -> None:
    """Drop earlier versions; one that a reader still holds is dropped by the next load."""
    pattern = f"^({'|'.join(access.SERVED_SCHEMAS)})_v[0-9]+$"
    old = postgres.execute("select nspname from pg_namespace where nspname ~ %s", [pattern]).fetchall()
    postgres.commit()
    for (schema,) in old:
        try:
            postgres.execute("set local lock_timeout = '5s'")
            postgres.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
            postgres.commit()
        except psycopg.errors.LockNotAvailable:
            postgres.rollback()
            log.warning("%s is still being read; the load after version %s drops it", schema, number)
