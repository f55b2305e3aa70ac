"""Every role against every table of a whole city, persons loaded, over real connections.

What a role may see is said here a second time: levels and privacy from the models' own files, who manages a school from
the rows that the synthetic city sent, and the rule of `docs/serving.zh-CN.md` written out by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import psycopg
import pytest
import yaml
from test_matrix import DENIED, LEAKY
from tests_city import City

from edu.settings import PROJECT_ROOT, get_settings
from warehouse.publish import publish
from warehouse.serving import serve_postgres
from warehouse.serving.roles import list_roles, read_password, set_password
from warehouse.serving.server import Embedded, target_of

pytestmark = pytest.mark.slow
CITY = "421000"
COUNTIES = ("421002", "421003", "421022", "421024", "421071", "421081", "421083", "421087", "421088")
ROLES = [
    "bureau_analyst",
    "public_reader",
    *(f"county_analyst_{org}" for org in (CITY, *COUNTIES)),
    "school_of_county",
    "school_of_city",
]
OWNERS = ("school_id", "managing_org", "submitter_org", "division_code")
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)


@dataclass
class Model:
    """One table as its model's file declares it."""

    name: str
    level: str
    columns: list[str]
    sensitive: set[str]
    pseudonyms: set[str]


def models() -> dict[str, Model]:
    """Read level, columns and privacy from the files of the models."""
    found = {}
    for layer in ("query", "visualization"):
        for path in sorted((PROJECT_ROOT / "dbt_project" / "models" / layer).glob("[!_]*.yml")):
            (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
            name = f"{layer}.{model['name'].split('_', 1)[1]}"
            meta = {c["name"]: c.get("config", {}).get("meta", {}) for c in model["columns"]}
            found[name] = Model(
                name,
                model["config"]["meta"]["level"],
                list(meta),
                {
                    column
                    for column, known in meta.items()
                    if known.get("privacy") in ("identifier", "sensitive", "private")
                },
                {column for column, known in meta.items() if known.get("is_pseudonym")},
            )
    return found


MODELS = models()
PERSONS = sorted(name for name, model in MODELS.items() if model.level == "L3")


@dataclass
class Served:
    """The served city."""

    city: City
    schools: dict[str, set[str]]
    """Which schools an organisation manages, by the registry as it was sent for the newest term of each school."""
    names: dict[str, str]
    """Role of the test → role of the server."""

    def connect(self, role: str) -> psycopg.Connection:
        target = target_of(self.city.home)
        name = self.names.get(role, role)
        password = read_password(self.city.home, target, name)
        known = dict(target.parameters) | {"user": name, "password": str(password)}
        return psycopg.connect("", autocommit=True, **known)  # type: ignore[arg-type]

    def managed(self, role: str) -> set[str]:
        if role.startswith("school"):
            return {"S" + self.names[role].removeprefix("school_reader_")}
        return self.schools[role.rsplit("_", 1)[1]]

    def foreign(self, role: str) -> str:
        """Return a school that a role may not see, with pupils of its own."""
        own = self.managed(role)
        return next(school for org in ("421024", "421002") for school in sorted(self.schools[org]) if school not in own)


@pytest.fixture(scope="module")
def served(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    patch = pytest.MonkeyPatch()
    city = clean_city.copy(tmp_path_factory.mktemp("matrix"))
    patch.setenv("EDU_HOME", str(city.home.root))
    get_settings.cache_clear()
    try:
        publish(city.home)
        serve_postgres(city.home)
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"select 'S' || school_code, max_by(managing_org, snapshot_date) from '{city.out}/truth/facts/school.parquet' group by 1"
            ).fetchall()
        schools: dict[str, set[str]] = {}
        for school, org in rows:
            schools.setdefault(org, set()).add(school)
        names = {
            "school_of_county": f"school_reader_{min(schools['421002'])[1:]}",
            "school_of_city": f"school_reader_{min(schools[CITY])[1:]}",
        }
        for name in names.values():
            set_password(city.home, target_of(city.home), name)
        yield Served(city, schools, names)
    finally:
        Embedded(city.home).stop()
        patch.undo()
        get_settings.cache_clear()


def readable(model: Model, role: str) -> list[str] | None:
    """Return the columns that a role may read, null where it may not read the table; written after the document."""
    if model.level == "L4":
        return None
    columns = [c for c in model.columns if not (model.level == "L3" and c in model.sensitive)]
    if model.level == "L1" or role == "bureau_analyst":
        return columns
    owners = [c for c in (OWNERS[:2] if model.level == "L3" else OWNERS) if c in columns]
    if role == "public_reader" or not owners:
        return None
    if role.startswith("school"):
        if owners[0] == "division_code":
            return None
        return [c for c in columns if not (model.level == "L3" and c in model.pseudonyms)]
    return columns


def expected_rows(served: Served, model: Model, role: str, columns: list[str]) -> Counter[tuple[Any, ...]]:
    """Return the rows that a role may see: from the published file, of persons from the warehouse."""
    home = served.city.home
    source = home.warehouse if model.level == "L3" else (home.published / "current.duckdb").resolve()
    with duckdb.connect(str(source), read_only=True) as connection:
        cursor = connection.execute(f"select * from {model.name}")
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if model.level != "L1" and role != "bureau_analyst":
        owner = next(c for c in OWNERS if c in columns)
        schools = served.managed(role)
        codes = {school.removeprefix("S") for school in schools}
        allowed = schools | codes | (set() if role.startswith("school") else {role.rsplit("_", 1)[1]})
        areas = set() if role.startswith("school") or model.level == "L3" else {role.rsplit("_", 1)[1]}
        rows = [
            row for row in rows if row[owner] in allowed or (row[owner] is None and row.get("division_code") in areas)
        ]
    return Counter(tuple(comparable(row[c]) for c in columns) for row in rows)


def comparable(value: Any) -> Any:
    """Return a value in the form in which both engines give it; what PostgreSQL has no type for is compared by its presence."""
    return "…" if isinstance(value, list | dict) else value


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", sorted(MODELS))
def test_every_role_sees_exactly_its_rows(served: Served, role: str, table: str) -> None:
    model = MODELS[table]
    columns = readable(model, role)
    with served.connect(role) as connection:
        if columns is None:
            for statement in (f"select count(*) from {table}", f"select 1 from {table}", f"copy {table} to stdout"):
                with pytest.raises(REFUSED):
                    read(connection, statement)
            return
        for name in set(model.columns) - set(columns):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedColumn)):
                connection.execute(f"select {name} from {table}")
        text = ", ".join(columns)
        expected = expected_rows(served, model, role, columns)
        with duckdb.connect() as types:
            types.execute(f"attach '{served.city.home.warehouse}' as w (read_only)")
            lists = {r[0] for r in types.execute(f"describe w.{table}").fetchall() if r[1].endswith("[]")}
        chosen = ", ".join(f"case when {c} is not null then '…' end as {c}" if c in lists else c for c in columns)
        got = Counter(connection.execute(f"select {chosen} from {table}").fetchall())
        assert got == expected
        with connection.cursor().copy(f"copy (select {text} from {table}) to stdout") as copy:
            copied = b"".join(bytes(part) for part in copy).count(b"\n")
        assert copied == sum(expected.values())


def read(connection: psycopg.Connection, statement: str) -> None:
    if statement.startswith("copy"):
        with connection.cursor().copy(statement) as copy:
            list(copy)
    else:
        connection.execute(statement)


def test_persons_of_an_organisation_are_those_of_its_schools(served: Served) -> None:
    """The number of persons, counted from what the city sent."""
    facts = served.city.out / "truth" / "facts"
    for role in [role for role in ROLES if role.startswith("county")]:
        with duckdb.connect() as connection:
            connection.execute("create table own as select unnest(?) as school_id", [sorted(served.managed(role))])
            sent = {
                kind: connection.execute(
                    f"select count(*), count(distinct (school_code, snapshot_date)) from '{facts}/{kind}.parquet' "
                    "where 'S' || school_code in (select school_id from own)"
                ).fetchone()
                for kind in ("student", "staff")
            }
        with served.connect(role) as connection:
            for kind, expected in sent.items():
                found = connection.execute(
                    f"select count(*), count(distinct (school_id, snapshot_date)) from query.{kind}"
                ).fetchone()
                assert (role, kind, found) == (role, kind, expected)


def test_the_matrix_has_persons_of_everybody(served: Served) -> None:
    assert PERSONS == ["query.staff", "query.student"]
    for role in ROLES:
        if role != "public_reader":
            with served.connect(role) as connection:
                for table in PERSONS:
                    assert connection.execute(f"select count(*) from {table}").fetchone() > (0,), (role, table)


@pytest.mark.parametrize("role", ["school_of_county", "county_analyst_421003", "public_reader"])
def test_what_no_reader_may_do(served: Served, role: str) -> None:
    for statement in [*DENIED, "alter table query.staff disable row level security"]:
        with served.connect(role) as connection:
            connection.execute("set default_transaction_read_only = off")
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidFunctionDefinition)):
                connection.execute(statement)


@pytest.mark.parametrize("role", ["school_of_county", "county_analyst_421003"])
@pytest.mark.parametrize("table", ["school", "student", "staff"])
def test_leaky_expressions_never_meet_foreign_rows(served: Served, role: str, table: str) -> None:
    own, other = min(served.managed(role)), served.foreign(role)
    for attack in LEAKY:
        with served.connect(role) as connection:
            connection.execute("set statement_timeout = '20s'")
            connection.execute(attack.format(table=table, other=other))
        # The same expression does fail on a row that the role may see, so it is evaluated.
        if "/" in attack:
            with served.connect(role) as connection, pytest.raises(psycopg.errors.DivisionByZero):
                connection.execute(attack.format(table=table, other=own))


@pytest.mark.parametrize("role", ["school_of_county", "county_analyst_421003"])
@pytest.mark.parametrize("table", ["school", "student", "staff"])
def test_plans_and_errors_say_nothing_of_foreign_rows(served: Served, role: str, table: str) -> None:
    query = f"select count(*) from query.{table} where school_id = '%s'"
    foreign = {school for org, schools in served.schools.items() for school in schools} - served.managed(role)
    with served.connect(role) as connection:
        plans = []
        for school in (served.foreign(role), "S9999999999"):
            rows = connection.execute("explain (analyze, timing off, summary off) " + query % school).fetchall()
            plans.append([re.sub(r"'[^']*'", "'…'", row[0]) for row in rows])
        assert plans[0] == plans[1]
        for column in ("school_id", "division_name", "school_year"):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation) as found:
                connection.execute(f"select {column}::integer from query.{table}")
            assert not {school for school in foreign if school in str(found.value)}


def test_the_catalog_speaks_of_what_each_role_may_read(served: Served) -> None:
    for role in ROLES:
        with served.connect(role) as connection:
            told = connection.execute(
                "select schema_name || '.' || table_name, column_name from serving.column_catalog"
            ).fetchall()
            scope = connection.execute("select distinct role_name from serving.role_scope").fetchall()
            listed = connection.execute(
                "select table_schema || '.' || table_name, column_name from information_schema.columns "
                "where table_schema in ('query', 'visualization')"
            ).fetchall()
        expected = {(name, c) for name, model in MODELS.items() for c in readable(model, role) or []}
        assert set(told) == expected, role
        assert set(listed) == expected, role
        assert set(scope) <= {(served.names.get(role, role),)}


def test_no_view_and_no_function_goes_round_the_policies(served: Served) -> None:
    with psycopg.connect(target_of(served.city.home).dsn) as connection:
        views = connection.execute(
            "select n.nspname || '.' || c.relname, c.reloptions from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
            "where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        open_tables = connection.execute(
            "select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.relkind = 'r' "
            "and n.nspname in ('query', 'visualization') and not (c.relrowsecurity and c.relforcerowsecurity)"
        ).fetchall()
        functions = connection.execute(
            "select proname from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace "
            "where n.nspname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        sensitive = connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns "
            "where table_schema in ('query', 'visualization')"
        ).fetchall()
    assert [name for name, options in views if "security_invoker=true" not in (options or [])] == []
    assert open_tables == []
    assert functions == []
    hidden = {(model.name, c) for model in MODELS.values() if model.level == "L3" for c in model.sensitive}
    assert not hidden & set(sensitive)
    assert {role.group for role in list_roles(target_of(served.city.home))} == {
        "edu_bureau",
        "edu_county",
        "edu_school",
        "edu_public",
    }
