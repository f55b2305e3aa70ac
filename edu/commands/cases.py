"""Cases: what a person has to decide."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from edu.commands.common import parsed_moment
from edu.paths import get_home

app = typer.Typer()
cases = typer.Typer(no_args_is_help=True, help="Cases: list, show, decide, export.")
app.add_typer(cases, name="cases")

SHOWN_ID = 12


@cases.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="One kind of case, e.g. dual_enrolment.")] = None,
    org: Annotated[str | None, typer.Option(help="School code, or division code of a bureau.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List open cases, the oldest first."""
    from rich.table import Table

    from warehouse.cases import KIND_NAMES, list_cases

    found = list_cases(get_home(), kind=kind, org=org, status=None if every else "open")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1, default=str))
        return
    table = Table("个案", "类型", "学年学期", "学校", "立案", "未结天数", "状态", "说明")
    for case in found:
        table.add_row(
            case["case_id"][:SHOWN_ID],
            KIND_NAMES.get(case["case_kind"], case["case_kind"]),
            case["period"] or "",
            case["school_code"] or "",
            str(case["opened_on"] or ""),
            "" if case["days_open"] is None else str(case["days_open"]),
            "已处理" if case["status"] == "decided" else "待处理",
            case["detail_zh"],
        )
    Console().print(table)
    typer.echo(f"{len(found)} 件")


@cases.command()
def show(case_id: Annotated[str, typer.Argument(help="Id of the case, or its first characters.")]) -> None:
    """Show one case with its places and decisions."""
    from warehouse.cases import show_case

    case: dict[str, Any] = show_case(get_home(), case_id)
    typer.echo(json.dumps(case, ensure_ascii=False, indent=1, default=str))


@cases.command()
def decide(
    case_id: Annotated[str, typer.Argument(help="Id of the case, or its first characters.")],
    decision: Annotated[
        str, typer.Option(help="link, keep_apart, effective_school, confirm, dismiss or reopen; by kind of case.")
    ],
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why; no personal value.")],
    school: Annotated[str | None, typer.Option(help="Code of the school that counts, of effective_school.")] = None,
    other_key: Annotated[str | None, typer.Option("--with", help="The other key of a link or a separation.")] = None,
    at: Annotated[str | None, typer.Option(help="When it became usable; default is now.")] = None,
) -> None:
    """Record a decision; the next build honours it."""
    from warehouse import cases as module

    identity = module.decide(
        get_home().ensure(),
        case_id,
        decision,
        author=by,
        reason=reason,
        school=school,
        other_key=other_key,
        at=parsed_moment("--at", at),
    )
    typer.echo(f"decision {identity} recorded; edu build applies it")


@cases.command()
def export(
    org: Annotated[str, typer.Option(help="School code (with names of its own rows) or bureau (without).")],
    by: Annotated[str, typer.Option(help="Who exports.")],
    reason: Annotated[str, typer.Option(help="Why; goes to the audit log.")],
) -> None:
    """Write an organisation's open cases as a workbook into its outbox folder."""
    from warehouse.cases import export_cases

    done = export_cases(get_home().ensure(), org, author=by, reason=reason)
    typer.echo(f"{done.cases} cases, {done.names} names: {done.path}")
