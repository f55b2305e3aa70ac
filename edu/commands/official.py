"""Official releases: figures that were sent upward stay as they were reported."""

from __future__ import annotations

from typing import Annotated

import typer

from edu.paths import get_home

app = typer.Typer()
official = typer.Typer(no_args_is_help=True, help="Official releases: freeze, list, verify.")
app.add_typer(official, name="official")


@official.command()
def freeze(
    name: Annotated[str, typer.Option(help="What is sent upward, e.g. 2024年教育事业统计.")],
    year: Annotated[str, typer.Option(help="School year, e.g. 2024-2025.")],
    by: Annotated[str, typer.Option(help="Who releases it.")],
    reason: Annotated[str, typer.Option(help="Why, and to whom.")],
) -> None:
    """Freeze the figures of a school year as reported; query.official_comparison shows what changed since."""
    from warehouse.official import freeze as freeze_figures

    done = freeze_figures(get_home().ensure(), name=name, school_year=year, author=by, reason=reason)
    typer.echo(f"release {done.release_id}: {done.figures:,} figures, sha256 {done.content_sha256[:16]}")


@official.command("list")
def list_() -> None:
    """List releases, the oldest first."""
    from warehouse.official import releases

    for row in releases(get_home()):
        typer.echo(
            f"{row['release_id']}  {row['school_year']}  {row['as_of_date']}  {row['figures']:>8,}  {row['release_name']}"
        )


@official.command()
def verify() -> None:
    """Check that the figures of every release are those that were frozen; exit code 1 where one is not."""
    from warehouse.official import ReleaseBrokenError
    from warehouse.official import verify as check

    done = check(get_home())
    if done.problems:
        raise ReleaseBrokenError(done.problems)
    typer.echo(f"{done.releases} releases are as they were frozen")
