"""Superset: set it up from the boards, start it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edu.commands.common import screen
from edu.paths import Home, get_home
from edu.settings import get_settings

if TYPE_CHECKING:
    from dashboards.superset.bundle import Connection

bi = typer.Typer(no_args_is_help=True, help="Superset over the PostgreSQL serving, with a connection for each role.")
app = typer.Typer()
app.add_typer(bi, name="bi")


def connections(home: Home) -> list[Connection]:
    """Return every role that may log in, with what the server lets it read.

    Raises:
        NotServingError: PostgreSQL is not served.
        ServingError: it cannot be reached.
    """
    from dashboards.superset.bundle import Connection, Field, Source
    from edu.table_names import table_labels
    from warehouse.serving.access import BUREAU, COUNTY, PUBLIC, SCHOOL
    from warehouse.serving.roles import list_roles, readable
    from warehouse.serving.server import target_of

    groups = {
        BUREAU: ("bureau", "市局"),
        COUNTY: ("county", "县区"),
        SCHOOL: ("school", "学校"),
        PUBLIC: ("public", "公众"),
    }
    target, labels, found = target_of(home), table_labels(), []
    for role in list_roles(target):
        if not role.can_login:
            continue
        tables: dict[tuple[str, str], list[Field]] = {}
        for schema, table, column, label, kind, description in readable(home, target, role.name):
            tables.setdefault((schema, table), []).append(Field(column, label, kind, description))
        group, title = groups[role.group]
        sources = tuple(
            Source(schema, table, labels.get(f"{schema}.{table}", f"{schema}.{table}"), tuple(fields))
            for (schema, table), fields in tables.items()
        )
        found.append(Connection(role.name, group, f"{title} {role.name}", target.place, sources))
    return found


@bi.command("setup")
def set_up() -> None:
    """Load PostgreSQL, write the bundles, import them into Superset. Repeatable."""
    from dashboards.superset.install import set_up as install
    from warehouse.serving import serve_postgres

    home = get_home()
    with screen.status("loading PostgreSQL"):
        serve_postgres(home)
    with screen.status("setting up Superset (the first time takes minutes)"):
        done = install(home, get_settings().bi_venv, connections(home))
    typer.echo(f"connections: {', '.join(done.roles)}")
    typer.echo(f"passwords of the users (admin and one a role): {done.password_file}")


@bi.command()
def up(port: Annotated[int, typer.Option(help="Port on this machine.")] = 8088) -> None:
    """Serve Superset on this machine until it is stopped; PostgreSQL is started where it does not run."""
    from dashboards.superset.install import environment, serve_command
    from warehouse.serving.server import target_of

    home = get_home()
    target_of(home, start=True)
    command = serve_command(Path(get_settings().bi_venv), port)
    typer.echo(f"http://127.0.0.1:{port}")
    os.execve(command[0], command, environment(home))
