"""The vault: merge, look up for a case, verify the audit log, remove what is past its years."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edu.commands.common import screen
from edu.errors import ExitCode
from edu.paths import get_home

app = typer.Typer()
vault_app = typer.Typer(no_args_is_help=True, help="Identifiers behind the pseudonyms; every look is logged.")
app.add_typer(vault_app, name="vault")


@vault_app.command()
def merge() -> None:
    """Merge the segments that landings wrote into the vault."""
    from edu.pseudonym import load_or_create_key
    from edu.vault import merge_segments

    home = get_home().ensure()
    done = merge_segments(home, load_or_create_key(home))
    typer.echo(f"{done.segments} segments: {done.identifiers} new identifiers, {done.person_rows} rows of names")


@vault_app.command()
def reveal(
    case: Annotated[str, typer.Option(help="Id of an open case.")],
    reason: Annotated[str, typer.Option(help="Why somebody has to look.")],
    by: Annotated[str, typer.Option(help="Who looks.")],
    expires: Annotated[int, typer.Option(help="Hours that the answer may be kept.")] = 24,
    to_file: Annotated[bool, typer.Option("--file", help="Write a file of mode 0600 instead of printing.")] = False,
) -> None:
    """Show identifiers and names for the keys of one open case."""
    from warehouse.reveal import reveal as look
    from warehouse.reveal import write_revealed

    home = get_home().ensure()
    answer = look(home, case_id=case, reason=reason, actor=by, hours=expires)
    if to_file:
        typer.echo(f"{write_revealed(home, answer)}")
    else:
        content = {"case_id": answer.case_id, "identifiers": answer.identifiers, "rows": answer.rows}
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
    screen.print(f"仅限办理本事项使用，{answer.expires_at:%Y-%m-%d %H:%M} 前销毁；本次查看已记入审计日志。")


@vault_app.command()
def verify(
    heads: Annotated[Path | None, typer.Option(help="Exported heads kept elsewhere; default is the setting's.")] = None,
) -> None:
    """Check that no entry of the audit log was changed, dropped or cut off."""
    from edu.audit import verify as check

    report = check(get_home(), heads)
    typer.echo(f"audit log: {report.entries} entries, {report.heads_seen} exported heads, head {report.head[:16]}")
    for line in report.explained:
        typer.echo(f"explained: {line}")
    for problem in report.problems:
        typer.echo(f"problem: {problem}")
    if not report.is_whole:
        raise typer.Exit(int(ExitCode.RUNTIME))


@vault_app.command()
def retention(
    by: Annotated[str, typer.Option(help="Who removes.")] = "upkeep",
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
) -> None:
    """Remove archived files, quarantined rows and vault rows past the years of their contract."""
    from ingest.retention import apply_retention

    expired = apply_retention(get_home().ensure(), actor=by, is_dry_run=dry_run)
    for item in expired:
        typer.echo(
            f"{item.dataset} {item.period} (until {item.expired_on}): {len(item.submissions)} submissions, "
            f"{item.archive_files} archived files, {item.quarantine_files} quarantine files, {item.person_rows} rows"
        )
    if not expired:
        typer.echo("nothing is past its years")
