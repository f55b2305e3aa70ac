"""Sharing: what may be asked for, requests, decisions, packages."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edu.commands.common import UsageError, parsed_date, screen
from edu.paths import get_home

share = typer.Typer(no_args_is_help=True, help="Share data with other offices, by approval.")
app = typer.Typer()
app.add_typer(share, name="share")
By = Annotated[str, typer.Option(help="Who does this: an account or an office.")]
Reason = Annotated[str, typer.Option(help="Why.")]
RequestId = Annotated[str, typer.Argument(help="The request, as edu share list shows it.")]


@share.command()
def items() -> None:
    """List the catalog: what is shared, on which condition, which fields."""
    from warehouse.sharing.requests import catalog

    for item in catalog(get_home()).values():
        typer.echo(
            f"{item.item_id}\t{item.sharing_kind}\t{item.item_name}\t{item.owner_office}\t{' '.join(item.fields)}"
        )


@share.command()
def request(
    item: Annotated[str, typer.Argument(help="Item of the catalog.")],
    receiver: Annotated[str, typer.Option(help="Short name of who receives it, e.g. health_bureau.")],
    purpose: Annotated[str, typer.Option(help="What the data are for.")],
    by: By,
    expires: Annotated[str, typer.Option(help="Last day on which a package may be built, e.g. 2025-08-31.")],
    fields: Annotated[str, typer.Option(help="Fields, separated by commas.")],
    org: Annotated[str | None, typer.Option(help="Only the schools of this county, or this school.")] = None,
    period: Annotated[str | None, typer.Option(help="Only this term or school year.")] = None,
) -> None:
    """Ask for an item; prints the request's id."""
    from warehouse.sharing import requests

    day = parsed_date("--expires", expires)
    if day is None:
        raise UsageError("--expires is needed.")
    names = [name.strip() for name in fields.split(",") if name.strip()]
    typer.echo(
        requests.request(
            get_home().ensure(),
            item_id=item,
            receiver=receiver,
            purpose=purpose,
            fields=names,
            expires_on=day,
            requested_by=by,
            scope_org=org,
            period=period,
        )
    )


@share.command()
def decide(
    request_id: RequestId,
    by: By,
    reason: Reason,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="Which.")],
) -> None:
    """Approve or refuse a request; another person than the one who asked."""
    from warehouse.sharing import requests

    requests.decide(get_home().ensure(), request_id, approve=approve, decided_by=by, reason=reason)
    typer.echo(f"{request_id}: {'approved' if approve else 'refused'}")


@share.command()
def revoke(request_id: RequestId, by: By, reason: Reason) -> None:
    """End an approval before its time."""
    from warehouse.sharing import requests

    requests.revoke(get_home().ensure(), request_id, revoked_by=by, reason=reason)
    typer.echo(f"{request_id}: revoked")


@share.command()
def build(request_id: RequestId, by: By) -> None:
    """Build the package of an approved request into the outbox."""
    from warehouse.sharing.package import build as build_package

    with screen.status("building the package"):
        done = build_package(get_home().ensure(), request_id, released_by=by)
    typer.echo(f"{done.release_id}: {done.rows:,} rows, {done.rows_hidden} hidden, {done.folder}")


@share.command("list")
def list_all() -> None:
    """List all requests with their state."""
    from edu.clock import now
    from warehouse.sharing.requests import read_requests

    today = now().date()
    for known in read_requests(get_home().ensure()):
        scope = known.scope_org or "-"
        typer.echo(
            f"{known.request_id}\t{known.state(today)}\t{known.item_id}\t{known.receiver}\t{scope}\t"
            f"{known.expires_on}\t{known.purpose}"
        )


@share.command()
def log(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the hash of each package.")] = False,
) -> None:
    """List every package that left: when, for which request, to whom, what, by whom."""
    from warehouse.sharing.requests import read_releases

    found = read_releases(get_home().ensure())
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, default=str))
        return
    for row in found:
        typer.echo(
            f"{row['recorded_at']:%Y-%m-%d %H:%M}\t{row['release_id']}\t{row['request_id']}\t{row['item_id']}\t"
            f"{row['receiver']}\t{row['version']}\t{row['rows']}\t{row['rows_hidden']}\t{row['released_by']}\t{row['purpose']}"
        )
