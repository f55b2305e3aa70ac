"""Statistical tables as workbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edu.paths import get_home

app = typer.Typer()


@app.command()
def report(
    school_year: Annotated[str, typer.Option("--school-year", help="School year, e.g. 2024-2025.")],
    out: Annotated[Path, typer.Option(help="Folder for the workbooks.")],
    org: Annotated[
        str | None,
        typer.Option(help="School code or division code; default is the city, its counties and all schools."),
    ] = None,
) -> None:
    """Fill the statistical tables from the 1 September snapshot of the published version; exit 3 if a check is broken."""
    from warehouse.report.build import ReportBrokenError, fill_report

    done = fill_report(get_home(), school_year, out, org)
    typer.echo(f"{len(done.paths)} workbooks in {out}; {done.checks:,} checks, {len(done.broken)} broken")
    typer.echo(f"{done.differences} cells differ from the schools' own forms (sheet 基表差异)")
    if done.broken:
        raise ReportBrokenError(done.broken)
