"""What becomes of a submission after its landing: feedback, receipt, taking it back, letting through, landing again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edu.commands.common import UsageError
from edu.errors import ExitCode
from edu.paths import Home, get_home

app = typer.Typer()

Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
By = Annotated[str, typer.Option(help="Who does it: an account or an office; it is recorded.")]


@app.command()
def withdraw(
    submission: Annotated[str, typer.Argument(help="Id of the submission, from its receipt.")],
    reason: Reason,
    by: By,
) -> None:
    """Take a submission back; what it had superseded counts again at the next build."""
    from ingest.withdrawal import withdraw as record

    done = record(get_home(), submission, by=by, reason=reason)
    text = "已撤回" if done.is_new else "此前已撤回"
    typer.echo(f"{text}：{done.submission_id}（{done.dataset} {done.period}），下次建库时生效。")


@app.command()
def release(
    dataset: Annotated[str, typer.Option(help="Dataset of the held unit.")],
    school: Annotated[str, typer.Option(help="School code of the held unit.")],
    period: Annotated[str, typer.Option(help="Period of the held unit.")],
    reason: Reason,
    by: By,
    submission: Annotated[
        str | None, typer.Option(help="One delivery of the unit; default is all that are held.")
    ] = None,
) -> None:
    """Let a held unit through, for the deliveries that the gate saw; a later delivery is judged again."""
    from expectations.release import release as record

    done = record(
        get_home(), dataset=dataset, school_code=school, period=period, by=by, reason=reason, submission_id=submission
    )
    for item in done:
        typer.echo(f"已放行：{item.submission_id} {item.expectation}（{item.observed}），下次建库时生效。")


@app.command()
def feedback(
    submission: Annotated[str | None, typer.Argument(help="Id of the submission, from its receipt.")] = None,
    org: Annotated[str | None, typer.Option(help="Write what the outbox of this organisation lacks.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default is the sender's outbox.")] = None,
) -> None:
    """Write the correction workbook of a submission, or those that an organisation's outbox lacks."""
    from ingest.replay import give_feedback, give_missing_feedback

    if (submission is None) == (org is None):
        raise UsageError("name one submission, or an organisation by --org.")
    home = get_home()
    written: list[Path | None] = (
        list(give_missing_feedback(home, org)) if submission is None else [give_feedback(home, submission, out)]
    )
    for path in written:
        typer.echo(str(path) if path else "没有发现问题，无需更正。")
    if submission is None:
        typer.echo(f"已补写 {len(written)} 份。")


@app.command()
def receipt(
    submission: Annotated[str, typer.Argument(help="Id of the submission.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what became of a submission at its newest landing."""
    from ingest.feedback import receipt_json
    from ingest.replay import findings, receipts

    home = get_home()
    newest = receipts(home, submission)[-1]
    text = receipt_json(newest, findings(home, submission, newest["batch_id"]))
    if as_json:
        typer.echo(text)
        return
    for name, value in json.loads(text).items():
        if name != "reasons":
            typer.echo(f"{name}: {value}")
        else:
            for reason in value:
                typer.echo(f"{reason['group']} {reason['findings']} × {reason['message_zh']}")


@app.command()
def reland(submission: Annotated[str, typer.Argument(help="Id of the submission.")]) -> None:
    """Land a submission again from the archive under the present contract."""
    from ingest.replay import reland as land_again

    record = land_again(get_home(), submission)
    typer.echo(
        f"已按现行合同重新入库：{submission}，接收 {record['rows_accepted']} 行，隔离 {record['rows_quarantined']} 行。"
    )


@app.command()
def replay(
    submission: Annotated[str | None, typer.Argument(help="Id of one submission.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every submission.")] = False,
    into: Annotated[Path | None, typer.Option(help="Home of another installation, empty.")] = None,
    compare: Annotated[bool, typer.Option("--verify", help="Compare with what is recorded; keep nothing.")] = False,
    mend: Annotated[bool, typer.Option("--mend", help="Land again what is broken or missing in the lake.")] = False,
) -> None:
    """Land what was archived again with the recorded contracts: into another home, to compare, or to mend the lake."""
    from ingest import replay as again

    is_named = (submission is None) == every
    if (mend and (submission or every or into or compare)) or (
        not mend and (not is_named or (into is None) != compare)
    ):
        raise UsageError("name a submission or --all, and either --into HOME or --verify; or give --mend alone.")
    home = get_home()
    if mend:
        done = again.mend(home)
    elif compare:
        done = again.verify(home, submission)
    else:
        done = again.replay(home, Home(Path(str(into)).resolve()), submission)
    typer.echo(f"replayed {done.submissions} submissions in {done.landings} landings, {len(done.differing)} differ")
    for identity in done.differing:
        typer.echo(f"differs: {identity}")
    for identity in done.without_receipt:
        typer.echo(f"receipt is missing: {identity}; edu replay --mend writes it again")
    if done.differing or done.without_receipt:
        raise typer.Exit(int(ExitCode.RUNTIME))


@app.command()
def checklist(
    org: Annotated[str, typer.Option(help="School or bureau.")],
    period: Annotated[str | None, typer.Option(help="Term; default is the newest that has a registry.")] = None,
    out: Annotated[Path | None, typer.Option(help="Workbook to write.")] = None,
) -> None:
    """Show what an organisation has to send, until when, what arrived and what is wrong with it."""
    from rich.console import Console
    from rich.table import Table

    from edu.clock import now
    from expectations.release import held_units
    from ingest.checklist import COLUMNS, write_checklist
    from ingest.checklist import checklist as rows_of

    home = get_home()
    rows = rows_of(home, org, period, now().date(), held_units(home))
    if out:
        write_checklist(rows, org, out)
        typer.echo(str(out))
        return
    table = Table(title=f"{org} 报送清单", title_justify="left")
    for title, _ in COLUMNS.values():
        table.add_column(title)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in COLUMNS))
    Console().print(table)
