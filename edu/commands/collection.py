"""What arrives: landing of files, blank templates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edu.commands import exchange
from edu.commands.common import parsed_date, parsed_moment, screen
from edu.paths import get_home

app = typer.Typer()
# What other systems bring and take is collection and sharing too; it has a module of its own.
app.add_typer(exchange.app)


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
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line opens encrypted workbooks; stored nowhere.")
    ] = None,
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
        snapshot_date=parsed_date("--snapshot-date", snapshot_date),
        received_at=parsed_moment("--received-at", received_at),
        coverage=coverage,
        profile=profile,
        password=password_file.read_text(encoding="utf-8").splitlines()[0] if password_file else None,
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
            colour = "green" if receipt.status == "accepted" else "red"
            screen.print(f"[{colour}]{names[receipt.status]}[/] {receipt.message}", highlight=False)
    rows = sum(receipt.rows_accepted for receipt in receipts)
    gone = sum(receipt.rows_quarantined for receipt in receipts)
    incomplete = sum(receipt.rows_incomplete for receipt in receipts)
    text = "，".join(f"{names[status]} {count} 个文件" for status, count in sorted(counts.items()))
    typer.echo(f"{text}。接收 {rows:,} 行(其中不完整 {incomplete:,} 行)，隔离 {gone:,} 行。")


@app.command()
def template(
    dataset: Annotated[str | None, typer.Argument(help="Dataset of the template.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write, or folder with --all; default is <dataset>.xlsx here.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Write the templates of all datasets.")] = False,
) -> None:
    """Write a blank Excel template in Chinese, with drop-downs and examples."""
    from ingest.templates import write_all_templates, write_template

    if every == (dataset is not None):
        raise typer.BadParameter("name one dataset, or give --all")
    if dataset is None:
        for path in write_all_templates(out or Path("templates")):
            typer.echo(f"{path}")
        return
    path = out or Path(f"{dataset}.xlsx")
    write_template(dataset, path)
    typer.echo(f"{path}")
