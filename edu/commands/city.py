"""The synthetic city, a local run of it, and Airflow with its page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from edu.commands.common import UsageError, screen
from edu.paths import get_home

app = typer.Typer()


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
        raise UsageError(str(error)) from None
    typer.echo(
        f"{summary.schools} institutions, {summary.learners} learners, {summary.staff} staff, {summary.terms} terms: "
        f"{summary.files} files, {summary.corrected_files} corrected ones, {summary.defects} defects in {out}"
    )


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
