"""Looking: ask the published version, what arrived, what is served, whether content is equal."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edu.paths import get_home

app = typer.Typer()


class QueryFormat(StrEnum):
    """Forms of an answer."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT on the published version.")],
    form: Annotated[QueryFormat, typer.Option("--format", help="Form of the answer.")] = QueryFormat.table,
) -> None:
    """Ask the published version."""
    from warehouse.query import run_query, write

    answer = run_query(get_home(), sql)
    if form is QueryFormat.table:
        _show_table(answer)
    else:
        write(answer, form.value, sys.stdout.buffer)
        sys.stdout.flush()


def _show_table(answer: Any) -> None:
    from rich.table import Table

    table = Table()
    for name in answer.column_names:
        table.add_column(name)
    for row in answer.to_pylist():
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


@app.command()
def trace(
    table: Annotated[str, typer.Argument(help="Table of analysis, query or visualization, e.g. analysis.enrolment.")],
    where: Annotated[str, typer.Option(help="Which figures: a condition over the table's columns.")] = "true",
    limit: Annotated[int, typer.Option(help="How many figures and rows to list.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Walk figures back to the submissions and rows that made them."""
    from warehouse.trace import trace as walk_back

    found = walk_back(get_home(), table, where, limit)
    if as_json:
        typer.echo(found.to_json())
        return
    typer.echo(f"{table}: {len(found.figures)} 个数字(至多列出 {limit} 个)")
    for step in found.steps:
        typer.echo(f"  ← {step['table']}: {step['rows']:,} 行(按 {', '.join(step['by'])})")
    for fact in found.facts:
        typer.echo(f"  {fact['table']} {fact['rows']:,} 行 ← {fact['dataset']} {fact['rows_of_submissions']:,} 行")
    for item in found.submissions[:limit]:
        typer.echo(
            f"  {item['submission_id']} {item['dataset']} {item['submitter_org']} {item['period']}: {item['rows']:,} 行"
        )
    for row in found.rows[:limit]:
        typer.echo(f"    {row['submission_id']} {row['sheet'] or ''} 第 {row['row_number']} 行")


@app.command()
def catalog(
    out: Annotated[Path, typer.Option(help="Folder to write the pages into.")] = Path("catalog"),
) -> None:
    """Write the Chinese data catalogue as static pages."""
    from edu.pipeline import write_catalog

    typer.echo(f"{write_catalog(get_home(), out)} pages: {out / 'index.html'}")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what arrived, what is wrong and what is served."""
    from warehouse.status import render
    from warehouse.status import status as read_status

    content = read_status(get_home().ensure())
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1, default=str))
    else:
        Console().print(render(content))


@app.command()
def digest(
    file: Annotated[Path | None, typer.Argument(help="Warehouse or published file; default is the warehouse.")] = None,
    with_pseudonyms: Annotated[bool, typer.Option(help="Include pseudonyms, which differ by installation.")] = False,
) -> None:
    """Print the content digest: equal where the content is equal."""
    from warehouse.digest import digest as digest_of

    home = get_home()
    default = home.warehouse if home.warehouse.exists() else home.published / "current.duckdb"
    typer.echo(digest_of(file or default, with_pseudonyms=with_pseudonyms))
