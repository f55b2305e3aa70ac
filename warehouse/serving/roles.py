"""Passwords of the roles: made here, kept in a file that only its owner may read, sent to PostgreSQL as verifiers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse.serving import access
from warehouse.serving.server import PASSWORD_BYTES, ServingError, Target, folder, write_private

PASSWORD_FILE = "pgpass"
FIRST_GROUPS = (access.BUREAU, access.COUNTY, access.PUBLIC)
"""Groups whose roles are given a password at once; a school's role is, when it is asked for."""


class UnknownRoleError(EduError):
    """No role of serving has that name."""

    exit_code = ExitCode.USAGE

    def __init__(self, role: str) -> None:
        super().__init__(f"role {role!r} is none of serving; edu serve roles lists them.")


@dataclass(frozen=True)
class Role:
    """One role as PostgreSQL knows it."""

    name: str
    group: str
    can_login: bool
    orgs: int
    """How many organisations, school ids and school codes its scope holds."""


def password_path(home: Home) -> Path:
    """Return the password file, in libpq's own format: `PGPASSFILE` may name it."""
    return folder(home) / PASSWORD_FILE


def list_roles(target: Target) -> list[Role]:
    """Return the roles of serving."""
    with _connect(target) as connection:
        rows = connection.execute(
            "select of_member.rolname, of_group.rolname, of_member.rolcanlogin, "
            "(select count(*) from serving.role_scope as s where s.role_name = of_member.rolname) "
            "from pg_auth_members as m inner join pg_roles as of_group on of_group.oid = m.roleid "
            "inner join pg_roles as of_member on of_member.oid = m.member "
            "where of_group.rolname = any(%s) and of_member.rolname <> current_user",
            [list(access.GROUPS)],
        ).fetchall()
    found = [Role(*row) for row in rows]
    return sorted(found, key=lambda role: (access.GROUPS.index(role.group), role.name))


def set_password(home: Home, target: Target, name: str) -> str:
    """Give a role a new password, let it log in, write the password into the file; return it.

    Raises:
        UnknownRoleError: serving has no such role.
    """
    if name not in {role.name for role in list_roles(target)}:
        raise UnknownRoleError(name)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with _connect(target) as connection:
        # What is sent is SCRAM's verifier, so the password stands in no log and no catalog of the server.
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(
            sql.SQL("alter role {} login password {}").format(sql.Identifier(name), sql.Literal(verifier))
        )
    _write_password(home, target, name, password)
    return password


def _write_password(home: Home, target: Target, name: str, password: str) -> None:
    path = password_path(home)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = target.parameters
    place = f"{known.get('host', 'localhost')}:{known.get('port', '5432')}:{known.get('dbname', '')}:{name}:"
    kept = [line for line in lines if not line.startswith(place)]
    write_private(path, "\n".join(sorted([*kept, place + password])) + "\n")


def read_password(home: Home, target: Target, name: str) -> str | None:
    """Return the password of a role as the file holds it, null where it has none."""
    path = password_path(home)
    known = target.parameters
    place = f"{known.get('host', 'localhost')}:{known.get('port', '5432')}:{known.get('dbname', '')}:{name}:"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.removeprefix(place) for line in lines if line.startswith(place)), None)


def readable(home: Home, target: Target, name: str) -> list[tuple[str, str, str, str, str, str]]:
    """Return what a role may read, as the server tells it: schema, table, column, Chinese label, type, description.

    The role itself is connected, so that the answer is what a tool with this connection will find.

    Raises:
        UnknownRoleError: the role has no password, so it cannot connect.
    """
    password = read_password(home, target, name)
    if password is None:
        raise UnknownRoleError(name)
    as_role = Target(dict(target.parameters) | {"user": name, "password": password}, target.is_embedded)
    with _connect(as_role) as connection:
        return connection.execute(
            "select known.schema_name, known.table_name, known.column_name, known.label_zh, present.data_type, "
            "known.description from serving.column_catalog as known inner join information_schema.columns as present "
            "on present.table_schema = known.schema_name and present.table_name = known.table_name "
            "and present.column_name = known.column_name "
            "order by known.schema_name, known.table_name, known.position"
        ).fetchall()


def ensure_first_passwords(home: Home, target: Target) -> list[str]:
    """Give the roles of bureau, counties and public a password where they have none; return which."""
    new = [role.name for role in list_roles(target) if role.group in FIRST_GROUPS and not role.can_login]
    for name in new:
        set_password(home, target, name)
    return new


def _connect(target: Target) -> psycopg.Connection:
    try:
        return psycopg.connect(target.dsn)
    except psycopg.Error as error:
        raise ServingError(f"PostgreSQL at {target.place} cannot be reached ({type(error).__name__}).") from None
