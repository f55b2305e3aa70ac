"""The steps after landing: build, gate, publish."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edu.commands.common import screen
from edu.errors import ExitCode
from edu.paths import get_home

app = typer.Typer()


class GateName(StrEnum):
    """The three gates."""

    collection = "collection"
    storage = "storage"
    publication = "publication"


@app.command()
def build(
    full: Annotated[bool, typer.Option(help="Build everything anew from the lake.")] = False,
    as_of: Annotated[
        str | None, typer.Option(help="Rebuild aside from what was recorded by the end of this day.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to build into, from nothing.")] = None,
) -> None:
    """Build the six layers with the gates between them."""
    from edu import pipeline

    with screen.status("building") as state:
        result = pipeline.build(get_home().ensure(), full=full, as_of=as_of, out=out, progress=state.update)
    seconds = sum(layer.seconds for layer in result.layers)
    typer.echo(f"built {result.database.name}: {sum(layer.nodes for layer in result.layers)} nodes in {seconds:.1f} s")
    for unit in result.held_units:
        typer.echo(f"held: {unit}")
    if result.held_units:
        raise typer.Exit(int(ExitCode.REJECTED))


@app.command()
def gate(name: Annotated[GateName, typer.Argument(help="Which gate to run.")]) -> None:
    """Run one gate on the warehouse."""
    from edu import pipeline
    from warehouse import built

    home = get_home()
    with built.reading(home):
        report = pipeline.run_named_gate(name.value, home, home.warehouse)
    typer.echo(f"gate {name.value}: {report.checks} checks, Data Docs in {report.docs_path}")
    for text in report.failed_global:
        typer.echo(f"failed: {text}")
    for unit in report.held_units:
        typer.echo(f"held: {unit}")
    if report.failed_global:
        raise typer.Exit(int(ExitCode.GATE_FAILED))
    if report.held_units:
        raise typer.Exit(int(ExitCode.REJECTED))


@app.command()
def publish(
    rollback: Annotated[str | None, typer.Option(help="Serve this earlier version again.")] = None,
) -> None:
    """Publish what was built, after its gate; or serve an earlier version again."""
    from edu import pipeline
    from warehouse import publish as publication

    home = get_home()
    with screen.status("publishing"):
        done = publication.rollback(home, rollback) if rollback else pipeline.publish(home)
    typer.echo(f"version {done.version} ({done.kind}): {done.path}")
