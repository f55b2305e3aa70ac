"""The plan: the ledger of opinions on its evaluations."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from edu.commands.common import parsed_moment
from edu.paths import get_home

app = typer.Typer()
plan = typer.Typer(no_args_is_help=True, help="The five-year plan: opinions on its evaluations.")
opinion = typer.Typer(no_args_is_help=True, help="Opinions: add, reply, list.")
app.add_typer(plan, name="plan")
plan.add_typer(opinion, name="opinion")


@opinion.command()
def add(
    office: Annotated[str, typer.Option(help="Office or county that gives the opinion.")],
    text: Annotated[str, typer.Option(help="The opinion; stays in the ledger and is never published.")],
    by: Annotated[str, typer.Option(help="Who records it.")],
    evaluation: Annotated[str, typer.Option(help="mid_term or final.")] = "mid_term",
    plan_code: Annotated[str, typer.Option("--plan", help="Code of the plan.")] = "plan_14",
    indicator: Annotated[str | None, typer.Option(help="Indicator of the plan that it speaks of.")] = None,
    at: Annotated[str | None, typer.Option(help="When it became usable; default is now.")] = None,
) -> None:
    """Record an opinion; it is open until it is answered."""
    from warehouse.plan import add as record

    identity = record(
        get_home().ensure(),
        plan_code=plan_code,
        evaluation=evaluation,
        office=office,
        indicator_code=indicator,
        text=text,
        author=by,
        at=parsed_moment("--at", at),
    )
    typer.echo(f"opinion {identity} recorded; edu build shows it")


@opinion.command()
def reply(
    opinion_id: Annotated[str, typer.Argument(help="Id of the opinion.")],
    state: Annotated[str, typer.Option(help="adopted (采纳), partly_adopted (部分采纳) or not_adopted (未采纳).")],
    reason: Annotated[str, typer.Option(help="Why; stays in the ledger.")],
    by: Annotated[str, typer.Option(help="Who answers.")],
    at: Annotated[str | None, typer.Option(help="When it became usable; default is now.")] = None,
) -> None:
    """Answer an opinion; a later answer replaces an earlier one and both stay in the ledger."""
    from warehouse.plan import reply as answer

    answer(get_home().ensure(), opinion_id, state=state, reason=reason, author=by, at=parsed_moment("--at", at))
    typer.echo(f"opinion {opinion_id}: {state}")


@opinion.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List opinions with their newest state, the oldest first."""
    from rich.table import Table

    from warehouse.plan import STATE_NAMES, opinions

    found = opinions(get_home())
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1, default=str))
        return
    table = Table("编号", "评估", "单位", "指标", "意见", "办理", "理由")
    for row in found:
        table.add_row(
            row["opinion_id"],
            row["evaluation"],
            row["office"],
            row["indicator_code"] or "",
            row["opinion_text"],
            STATE_NAMES[row["opinion_state"]],
            row["reply_reason"] or "",
        )
    Console().print(table)
    typer.echo(f"{len(found)} 条")
