"""Exchange with other systems: rosters out, database pulls in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edu.paths import get_home

app = typer.Typer()


@app.command("export-oneroster")
def export_oneroster(
    org: Annotated[str, typer.Option(help="School code, division code of a county, or 421000 for the city.")],
    period: Annotated[str, typer.Option(help="A term, 2024-2025/1.")],
    domain: Annotated[str, typer.Option(help="Pseudonym domain of the receiver, a short name.")],
    out: Annotated[Path, typer.Option(help="Folder or .zip to write.")],
    demographics: Annotated[bool, typer.Option(help="Birth date, sex and ethnic group go with it.")] = False,
    by: Annotated[str, typer.Option(help="Who does this: an account or an office.")] = "edu export-oneroster",
) -> None:
    """Write a OneRoster 1.2 bundle under the receiver's own pseudonyms, by an open approval; its release is logged."""
    from warehouse.sharing.package import export_bundle

    path = export_bundle(get_home().ensure(), org, period, domain, out, has_demographics=demographics, released_by=by)
    typer.echo(f"{path}")


@app.command()
def pull(
    connector: Annotated[str, typer.Argument(help="Name of a connector: EDU_HOME/connectors/<name>.yml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipts as JSON.")] = False,
) -> None:
    """Pull what changed in a source database since the last time, and land it."""
    from edu.connector import get_connector
    from ingest.pull import pull as pull_source

    home = get_home().ensure()
    result = pull_source(home, get_connector(home, connector))
    if as_json:
        typer.echo(result.to_json())
    else:
        for receipt in result.receipts:
            typer.echo(
                f"{receipt.dataset}: {receipt.status}，接收 {receipt.rows_accepted:,} 行，隔离 {receipt.rows_quarantined:,} 行。"
            )
        if not result.receipts:
            typer.echo("源库没有变化。")
    raise typer.Exit(int(result.exit_code))
