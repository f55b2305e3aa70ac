"""The command `edu`: calls the functions that the DAGs call; none of it needs Airflow but `run` and `up`.

Exit codes: 0 ok, 1 runtime, 2 usage, 3 something rejected or held, 4 gate failed.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from edu.errors import EduError, ExitCode
from edu.paths import get_home

# Local variables of a traceback may hold a person's values, so they are never printed.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="荆州教育大数据平台 · education data platform",
)
screen = Console(stderr=True)


class GateName(StrEnum):
    """The three gates."""

    collection = "collection"
    storage = "storage"
    publication = "publication"


class QueryFormat(StrEnum):
    """Forms of an answer."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="Folder to write inbox/, wave2/ and truth/ into.")],
    scale: Annotated[float, typer.Option(help="1 is a city of 660,000 learners.")] = 0.02,
    terms: Annotated[int, typer.Option(help="School terms, the last ones of the calendar.")] = 4,
    seed: Annotated[int, typer.Option(help="Chooses the city.")] = 7,
    defects: Annotated[int, typer.Option(help="Injections of each catalogue class.")] = 2,
) -> None:
    """Write a synthetic city of known answers."""
    from synthetic.city import write_city
    from synthetic.defects import CityTooSmallError

    try:
        with screen.status("writing the city") as state:
            summary = write_city(out, scale=scale, terms=terms, seed=seed, defects=defects, progress=state.update)
    except (CityTooSmallError, ValueError) as error:
        raise _usage(str(error)) from None
    typer.echo(
        f"{summary.schools} institutions, {summary.learners} learners, {summary.staff} staff, {summary.terms} terms: "
        f"{summary.files} files, {summary.corrected_files} corrected ones, {summary.defects} defects in {out}"
    )


@app.command()
def collect(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, or a folder of key=value partitions.")],
    dataset: Annotated[str | None, typer.Option(help="Dataset of the files.")] = None,
    org: Annotated[str | None, typer.Option(help="Organisation that submits.")] = None,
    period: Annotated[str | None, typer.Option(help="2024-2025/1, 2024-2025, FY2024 or 2024-09-01.")] = None,
    snapshot_date: Annotated[str | None, typer.Option(help="2024-09-01.")] = None,
    received_at: Annotated[
        str | None, typer.Option(help="2024-09-05T10:30:00; default is the sidecar, else now.")
    ] = None,
    coverage: Annotated[str | None, typer.Option(help="full, partial or delta.")] = None,
    profile: Annotated[str | None, typer.Option(help="Form of the files; default is recognised.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipts as JSON.")] = False,
) -> None:
    """Land files: archive, clean, check, pseudonymise, and give a receipt for each."""
    from rich.progress import Progress

    from ingest.landing import collect as land
    from ingest.submission import Options

    options = Options(
        dataset=dataset,
        org=org,
        period=period,
        snapshot_date=_parsed(date.fromisoformat, "--snapshot-date", snapshot_date),
        received_at=_parsed(datetime.fromisoformat, "--received-at", received_at),
        coverage=coverage,
        profile=profile,
    )
    with Progress(console=screen, transient=True) as progress:
        bar = progress.add_task("landing", total=None)
        result = land(
            paths,
            home=get_home(),
            options=options,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    if as_json:
        typer.echo(result.to_json())
    else:
        _show_receipts(result.receipts)
    raise typer.Exit(int(result.exit_code))


def _show_receipts(receipts: list[Any]) -> None:
    names = {
        "accepted": "接收",
        "partly_accepted": "部分接收",
        "rejected": "退回",
        "ignored": "已收到过",
        "failed": "未受理",
    }
    counts: dict[str, int] = {}
    for receipt in receipts:
        counts[receipt.status] = counts.get(receipt.status, 0) + 1
        if receipt.message:
            screen.print(f"[red]{names[receipt.status]}[/] {receipt.message}", highlight=False)
    rows = sum(receipt.rows_accepted for receipt in receipts)
    gone = sum(receipt.rows_quarantined for receipt in receipts)
    incomplete = sum(receipt.rows_incomplete for receipt in receipts)
    text = "，".join(f"{names[status]} {count} 个文件" for status, count in sorted(counts.items()))
    typer.echo(f"{text}。接收 {rows:,} 行(其中不完整 {incomplete:,} 行)，隔离 {gone:,} 行。")


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
    from edu.errors import WarehouseError

    home = get_home()
    if not home.warehouse.exists():
        raise WarehouseError("there is no warehouse yet; run edu build first.")
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


@app.command()
def template(
    dataset: Annotated[str, typer.Argument(help="Dataset of the template.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default is <dataset>.xlsx here.")] = None,
) -> None:
    """Write a blank Excel template in Chinese, with drop-downs."""
    from ingest.templates import write_template

    path = out or Path(f"{dataset}.xlsx")
    write_template(dataset, path)
    typer.echo(f"{path}")


@app.command()
def run() -> None:
    """Take a small synthetic city through the real DAGs, then show a summary."""
    from edu.local_run import run as run_city
    from warehouse.status import render
    from warehouse.status import status as read_status

    home = get_home().ensure()
    run_city(home, screen)
    content = read_status(home)
    console = Console()
    console.print(render(content))
    served = content["published"]
    console.print(f"驾驶舱页面 cockpit:      {served['page']}")
    console.print(f"发布文件 published file:  {home.published / 'current.duckdb'}")
    console.print(f"质量门报告 Data Docs:     {home.runs / 'data_docs'}")
    console.print("接下来 next:")
    console.print("  .venv/bin/edu query 'select * from visualization.pupils_by_stage_county order by all limit 10'")
    console.print("  .venv/bin/edu template student --out student.xlsx")
    console.print("  make up            # Airflow with its page")


@app.command()
def up() -> None:
    """Start Airflow with its page; Ctrl-C stops it."""
    from edu.airflow_env import HOST, PORT, airflow_environment, ensure_airflow

    home = get_home().ensure()
    with screen.status("preparing Airflow"):
        ensure_airflow(home)
    environment = {**os.environ, **airflow_environment(home)}
    screen.print(f"Airflow: http://{HOST}:{PORT}  user admin, password in {home.airflow / 'passwords.json'}")
    os.execve(sys.executable, [sys.executable, "-m", "airflow", "standalone"], environment)


def _parsed(parse: Any, name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise _usage(f"{name} {text!r} cannot be read; write it like 2024-09-01.") from None


class UsageError(EduError):
    """An option has a value that cannot be."""

    exit_code = ExitCode.USAGE


def _usage(message: str) -> UsageError:
    return UsageError(message)


def main() -> None:
    """Run the command; an error of the platform is one line and its exit code."""
    try:
        app()
    except EduError as error:
        screen.print(f"[red]错误 error:[/] {error}", highlight=False, soft_wrap=True)
        raise SystemExit(int(error.exit_code)) from None


if __name__ == "__main__":
    main()
