"""The data steward: approve and lock a period, decide changes after the lock, restrict a person's data."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edu.commands.common import UsageError
from edu.paths import get_home

app = typer.Typer()
correction_app = typer.Typer(no_args_is_help=True, help="Changes after a lock (更正单).")
restriction_app = typer.Typer(no_args_is_help=True, help="A person's data that may not be shown.")
app.add_typer(correction_app, name="correction")
app.add_typer(restriction_app, name="restriction")

By = Annotated[str, typer.Option(help="Who decides.")]
Reason = Annotated[str, typer.Option(help="Why; no person's name or number.")]


@app.command()
def approve(
    org: Annotated[str, typer.Option(help="School (10 digits), county or city (6 digits).")],
    period: Annotated[str, typer.Option(help="2024-2025/1 or 2024-2025.")],
    by: By,
    reason: Reason,
    dataset: Annotated[str | None, typer.Option(help="Dataset to approve.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All datasets that the organisation has.")] = False,
    cover_missing: Annotated[bool, typer.Option(help="Answer for children that did not approve.")] = False,
) -> None:
    """Approve what counts now: school, then county, then city, whose approval locks."""
    from warehouse.approval import approve as record

    if (dataset is None) != every:
        raise UsageError("give either --dataset or --all.")
    done = record(
        get_home().ensure(),
        org=org,
        dataset=dataset,
        period=period,
        actor=by,
        reason=reason,
        cover_missing=cover_missing,
    )
    for approval in done:
        state = "已审核" if approval.is_new else "此前已审核,内容未变"
        lock = ",已锁定" if approval.org_level == "city" else ""
        covered = f",代为确认 {len(approval.covered)} 个单位" if approval.covered else ""
        typer.echo(
            f"{approval.org} {approval.dataset} {approval.period}: {state}{lock},{approval.units} 个单元{covered}"
        )


@correction_app.command("list")
def list_waiting(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the changes that wait, with figures before and after."""
    from warehouse.correction import waiting

    changes = waiting(get_home().ensure())
    if as_json:
        typer.echo(json.dumps([change.__dict__ for change in changes], ensure_ascii=False, indent=1, default=str))
        return
    for change in (change for change in changes if change.is_change):
        typer.echo(f"{change.submission_id} {change.dataset} {change.unit_owner} {change.period} {change.received_at}")
        for name, before in change.before.items():
            if before != change.after.get(name):
                typer.echo(f"    {name}: {before} → {change.after.get(name)}")
    same = sum(not change.is_change for change in changes)
    if same:
        typer.echo(f"另有 {same} 个单元随同报送,内容未变。")
    if not changes:
        typer.echo("没有等待办理的更正单。")


@correction_app.command("approve")
def approve_change(
    submission: Annotated[str, typer.Argument(help="Id of the submission that waits.")], by: By, reason: Reason
) -> None:
    """Let a change count from the next build on."""
    _decide(submission, "approved", by, reason)


@correction_app.command("reject")
def reject_change(
    submission: Annotated[str, typer.Argument(help="Id of the submission that waits.")], by: By, reason: Reason
) -> None:
    """Keep the locked content."""
    _decide(submission, "rejected", by, reason)


def _decide(submission: str, decision: str, by: str, reason: str) -> None:
    from warehouse.correction import decide

    for change in decide(get_home().ensure(), submission, decision=decision, actor=by, reason=reason):
        typer.echo(f"{decision}: {change.dataset} {change.unit_owner} {change.period}")


@restriction_app.command("add")
def restrict(
    person: Annotated[str, typer.Option(help="person_id (pseudonym), from a case.")], by: By, reason: Reason
) -> None:
    """Hide a person from views of persons and from packages; totals stay."""
    _restrict(person, "restrict", by, reason)


@restriction_app.command("lift")
def lift(person: Annotated[str, typer.Option(help="person_id (pseudonym).")], by: By, reason: Reason) -> None:
    """Show the person again."""
    _restrict(person, "lift", by, reason)


def _restrict(person: str, action: str, by: str, reason: str) -> None:
    from warehouse.restriction import record

    typer.echo(record(get_home().ensure(), person, action=action, actor=by, reason=reason))
