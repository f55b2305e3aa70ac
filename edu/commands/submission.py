"""What becomes of a submission after its landing: taking it back, letting a held unit through."""

from __future__ import annotations

from typing import Annotated

import typer

from edu.paths import get_home

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
