"""PostgreSQL for BI tools: load, stop, look, roles and passwords."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edu.commands.common import screen
from edu.paths import get_home

serve = typer.Typer(no_args_is_help=True, help="Serve PostgreSQL, with a role for each organisation.")
app = typer.Typer()
app.add_typer(serve, name="serve")


@serve.command()
def postgres() -> None:
    """Load what is published into PostgreSQL and switch to it: the embedded server, or the one of EDU_POSTGRES_DSN."""
    from warehouse.serving import serve_postgres

    with screen.status("loading PostgreSQL"):
        done = serve_postgres(get_home())
    state = "loaded" if done.loaded.is_new else "served already"
    typer.echo(
        f"version {done.loaded.version} {state}: {done.loaded.tables} tables, {done.loaded.rows:,} rows at {done.place}"
    )
    typer.echo(f"passwords (PGPASSFILE): {done.password_file}")
    for name in done.new_passwords:
        typer.echo(f"new password: {name}")


@serve.command()
def stop() -> None:
    """Stop the embedded server; its data stay."""
    from warehouse.serving.server import Embedded

    typer.echo("stopped" if Embedded(get_home()).stop() else "was not running")


@serve.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show where PostgreSQL is and which version it serves."""
    from warehouse.serving import status as serving_status

    found = serving_status(get_home())
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        typer.echo(f"{name}: {value}")


@serve.command()
def roles() -> None:
    """List the roles: group, whether it may log in, how many organisations its scope holds."""
    from warehouse.serving.roles import list_roles
    from warehouse.serving.server import target_of

    for role in list_roles(target_of(get_home())):
        typer.echo(f"{role.name}\t{role.group}\t{'login' if role.can_login else 'no login'}\t{role.orgs}")


@serve.command()
def passwd(
    role: Annotated[str, typer.Argument(help="The role, e.g. county_analyst_421002.")],
    show: Annotated[bool, typer.Option(help="Print the password; it stands in the password file in any case.")] = False,
) -> None:
    """Give a role a new password and let it log in."""
    from warehouse.serving.roles import password_path, set_password
    from warehouse.serving.server import target_of

    home = get_home()
    password = set_password(home, target_of(home), role)
    typer.echo(password if show else f"{role}: new password in {password_path(home)}")
